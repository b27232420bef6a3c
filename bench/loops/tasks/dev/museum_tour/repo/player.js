"use strict";

const SECONDS_TO_WALK = 40;

/** What the buttons of the audio guide do. */
class Player {
  constructor(tour) {
    this.tour = tour;
    this.screen = tour.title;
  }

  press(button) {
    switch (button) {
      case "next":
        this.show(this.tour.next());
        break;
      case "back":
        this.show(this.tour.back());
        break;
      case "info":
        this.screen = `${minutes(this.tour.ahead())} min to go`;
        break;
      default:
        throw new Error(`no button ${button}`);
    }
    return this.screen;
  }

  show(stop) {
    this.screen = stop === null ? "Thank you for your visit" : `${stop.room}: ${stop.text}`;
  }
}

function minutes(stops) {
  const seconds = stops.reduce((sum, stop) => sum + stop.seconds + SECONDS_TO_WALK, 0);
  return Math.ceil(seconds / 60);
}

module.exports = { Player, minutes };
