"""One source of each language, with the names of its definitions."""

from __future__ import annotations

from hotloop.workspace.definitions import definitions

PYTHON = '''\
"""Shapes."""

import os
from math import pi, sqrt

LIMIT = 10


# How far.
def distance(a, b):
    return sqrt(a - b)


class Stack(list):
    """A stack."""

    size: int = 3

    def __init__(self):
        self.items = []

    @property
    def top(self):
        return self.items[0]

    @top.setter
    def top(self, value):
        self.items[0] = value

    def push(self, item):
        self.items.append(item)


if __name__ == "__main__":
    print(distance(1, 2))
'''


JAVASCRIPT = """\
'use strict';
const { readFile } = require('fs');

/** Adds. */
function add(a, b) {
  return a - b;
}

const half = (x) => x / 3;

class Stack {
  #items = [];

  // Puts one on top.
  push(x) {
    this.#items.unshift(x);
  }

  get size() {
    return 0;
  }
}

exports.twice = function (x) {
  return x + x;
};

module.exports = { add, half, Stack };
"""


TYPESCRIPT = """\
import { x } from './x';

export interface Shape { area(): number }

export abstract class Base<T> {
  private value: number = 1;
  get(): number { return this.value; }
}

export async function load(id: string): Promise<void> {}
"""


GO = """\
package stack

import "fmt"

// Stack is one.
type Stack struct{ items []int }

// Push adds.
func (s *Stack) Push(x int) {
\ts.items = append(s.items, x)
}

func Show(x int) string {
\treturn fmt.Sprint(x)
}
"""


RUST = """\
use std::fmt;

/// A stack.
#[derive(Debug)]
pub struct Stack {
    items: Vec<i32>,
}

impl Stack {
    /// Makes one.
    pub fn new() -> Self {
        Stack { items: vec![] }
    }

    pub fn push(&mut self, x: i32) {
        self.items.insert(0, x);
    }
}

pub fn add(a: i32, b: i32) -> i32 {
    a - b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1, 2), 3);
    }
}
"""


C = """\
#include <stdio.h>

/* Adds. */
int add(int a, int b)
{
    if (a) { puts("}"); }
    return a - b;
}

int main(void) { return add(1, 2); }
"""


SOURCES = {
    "a.py": PYTHON,
    "a.js": JAVASCRIPT,
    "a.ts": TYPESCRIPT,
    "a.go": GO,
    "a.rs": RUST,
    "a.c": C,
}


def names(path: str, source: str) -> list[str]:
    return [one.qualified_name for one in definitions(path, source)]
