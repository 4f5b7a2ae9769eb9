//! The patterns of the models, matched without a regular expression engine.
//!
//! The generator takes each pattern apart into a tree of [`Node`]s. Nearly all are one class of
//! characters, repeated; those are one pass over the text. The few others are walked with the set
//! of positions reached so far, which never tries a position twice. Patterns match the whole value,
//! as on AWS.

use std::collections::BTreeSet;

/// A pattern of the model.
#[derive(Debug)]
pub struct Pattern {
    /// As AWS's messages show it.
    pub text: &'static str,
    /// What the value must be, where AWS answers with a sentence instead of the pattern.
    pub sentence: Option<&'static str>,
    /// What it means.
    pub root: Node,
}

/// A part of a pattern.
#[derive(Debug)]
pub enum Node {
    /// One character.
    Class(Class),
    /// The node again and again.
    Repeat {
        /// What is repeated.
        node: &'static Node,
        /// The least number of times.
        min: u32,
        /// The greatest number of times, or none.
        max: Option<u32>,
    },
    /// One after the other.
    Sequence(&'static [Node]),
    /// One of them.
    Choice(&'static [Node]),
    /// Takes nothing; refuses when this character follows.
    NotBefore(char),
}

/// A set of characters.
#[derive(Debug)]
pub struct Class {
    /// One bit for each ASCII character.
    pub ascii: u128,
    /// Ranges of the other characters, sorted, both ends included.
    pub ranges: &'static [(char, char)],
}

/// Longer texts do not match a pattern that is not one repeated class: the walk takes up to
/// quadratic time, and no shape with such a pattern allows more than 512 characters.
const LONGEST_WALK: usize = 4096;

impl Pattern {
    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        if let Node::Repeat { node: Node::Class(class), min, max } = &self.root {
            return class.holds_all(text, *min, *max);
        }
        if text.len() > LONGEST_WALK {
            return false;
        }
        let text: Vec<char> = text.chars().collect();
        self.root.walk(&text, BTreeSet::from([0])).contains(&text.len())
    }
}

impl Node {
    /// The positions that can be reached from those given.
    fn walk(&self, text: &[char], from: BTreeSet<usize>) -> BTreeSet<usize> {
        match self {
            Self::Class(class) => from
                .into_iter()
                .filter(|&at| text.get(at).is_some_and(|&char| class.holds(char)))
                .map(|at| at + 1)
                .collect(),
            Self::NotBefore(refused) => {
                from.into_iter().filter(|&at| text.get(at) != Some(refused)).collect()
            }
            Self::Sequence(nodes) => nodes.iter().fold(from, |from, node| node.walk(text, from)),
            Self::Choice(nodes) => {
                nodes.iter().flat_map(|node| node.walk(text, from.clone())).collect()
            }
            Self::Repeat { node, min, max } => repeat(node, *min, *max, text, from),
        }
    }
}

fn repeat(
    node: &Node,
    min: u32,
    max: Option<u32>,
    text: &[char],
    mut frontier: BTreeSet<usize>,
) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut times = 0;
    loop {
        if times >= min {
            // A position reached before, with fewer repetitions, leads wherever this one leads.
            frontier.retain(|&at| reached.insert(at));
        }
        if frontier.is_empty() || max.is_some_and(|max| times >= max) {
            return reached;
        }
        frontier = node.walk(text, frontier);
        times += 1;
    }
}

impl Class {
    fn holds(&self, char: char) -> bool {
        if char.is_ascii() {
            return self.ascii >> u32::from(char) & 1 == 1;
        }
        let after = self.ranges.partition_point(|&(first, _)| first <= char);
        after
            .checked_sub(1)
            .and_then(|at| self.ranges.get(at))
            .is_some_and(|&(_, last)| char <= last)
    }

    fn holds_all(&self, text: &str, min: u32, max: Option<u32>) -> bool {
        let mut count = 0_usize;
        for char in text.chars() {
            if !self.holds(char) {
                return false;
            }
            count += 1;
        }
        count >= min as usize && max.is_none_or(|max| count <= max as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Node, Pattern};

    const SLASH: Node = Node::Class(Class { ascii: 1 << b'/', ranges: &[] });
    const NAME: Node = Node::Class(Class { ascii: 1 << b'a' | 1 << b'b', ranges: &[('é', 'ü')] });

    fn matches(root: Node, text: &str) -> bool {
        Pattern { text: "", sentence: None, root }.matches(text)
    }

    #[test]
    fn one_class_repeated() {
        let class = || Node::Repeat { node: &NAME, min: 2, max: Some(3) };
        assert!(matches(class(), "ab"));
        assert!(matches(class(), "aüê"));
        assert!(!matches(class(), "a"));
        assert!(!matches(class(), "abab"));
        assert!(!matches(class(), "ab/"));
        assert!(!matches(class(), "aþ"));
    }

    #[test]
    fn a_sequence_gives_back_what_its_stars_took() {
        const ANY: Node = Node::Choice(&[SLASH, NAME]);
        const STAR: Node = Node::Repeat { node: &ANY, min: 0, max: None };
        let path = || Node::Sequence(&[SLASH, STAR, SLASH]);
        assert!(matches(path(), "//"));
        assert!(matches(path(), "/a//b/"));
        assert!(!matches(path(), "/"));
        assert!(!matches(path(), "/a"));
    }

    #[test]
    fn repeated_groups_take_bounded_time() {
        const INNER: Node = Node::Repeat { node: &NAME, min: 1, max: None };
        let nested = || Node::Sequence(&[Node::Repeat { node: &INNER, min: 0, max: None }, SLASH]);
        assert!(matches(nested(), &("a".repeat(1000) + "/")));
        assert!(!matches(nested(), &"a".repeat(4000)));
    }

    #[test]
    fn lookahead_takes_nothing() {
        let pair = || Node::Sequence(&[NAME, Node::NotBefore('b'), NAME]);
        assert!(matches(pair(), "aa"));
        assert!(!matches(pair(), "ab"));
    }
}
