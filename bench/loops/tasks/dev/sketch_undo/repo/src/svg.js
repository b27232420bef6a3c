/** Return a sketch as SVG paths, one line for each stroke. */
export function toPaths(sketch) {
  return sketch.strokes.map(({ colour, points }) => {
    const [first, ...rest] = points.map(([x, y]) => `${x} ${y}`);
    return `<path stroke="${colour}" d="M${first} L${rest.join(" ")}"/>`;
  });
}
