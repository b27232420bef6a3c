/** A question, its answers, and who voted for what. */
export class Poll {
  #votes = new Map();

  constructor(question, answers) {
    if (answers.length < 2) throw new RangeError("a poll needs two answers");
    this.question = question;
    this.answers = answers;
  }

  /** Vote for an answer; a second vote of the same person replaces the first one. */
  vote(person, answer) {
    if (!this.answers.includes(answer)) throw new RangeError(`no answer ${answer}`);
    this.#votes.set(person, answer);
  }

  /** Take a vote back; tell whether there was one. */
  withdraw(person) {
    return this.#votes.delete(person);
  }

  /** Return the number of votes of each answer, in the order of the answers. */
  counts() {
    const given = [...this.#votes.values()];
    return this.answers.map((answer) => given.filter((vote) => vote === answer).length);
  }
}
