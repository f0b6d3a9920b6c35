//! Visits every state of a world, each once, and remembers how it came there.
//!
//! A world in motion cannot be copied, so each state is reached again from the beginning by the choices that led to it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::world::{Bounds, Choice, World};

/// A digest for telling apart what a worker has heard.
pub fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A digest wide enough for millions of states.
pub fn wide_digest(value: &impl Hash) -> u128 {
    u128::from(digest(&(0_u8, value))) << 64 | u128::from(digest(&(1_u8, value)))
}

/// What an exploration saw.
pub struct Explored {
    /// States visited.
    pub states: usize,
    /// Things that happened.
    pub transitions: usize,
    /// What was broken, and the choices that led there.
    pub broken: Option<(&'static str, Vec<Choice>)>,
}

struct Node {
    parent: usize,
    choice: Option<Choice>,
    queued: bool,
    quiet: bool,
}

/// Visits every state within the bounds, breadth first, and then asks that each can still come to rest.
pub fn explore(bounds: Bounds) -> Explored {
    let mut search = Search {
        bounds,
        nodes: Vec::new(),
        seen: HashMap::new(),
        edges: Vec::new(),
    };
    for queued in [true, false] {
        if queued || bounds.crashes > 0 {
            search.visit(World::new(bounds, queued), usize::MAX, None, queued);
        }
    }
    let mut next = 0;
    while next < search.nodes.len() {
        if let Some(broken) = search.expand(next) {
            return search.end(Some(broken));
        }
        next += 1;
    }
    let stuck = search.stuck().map(|node| ("can never come to rest", search.path(node)));
    search.end(stuck)
}

struct Search {
    bounds: Bounds,
    nodes: Vec<Node>,
    seen: HashMap<u128, usize>,
    edges: Vec<(usize, usize)>,
}

impl Search {
    fn expand(&mut self, node: usize) -> Option<(&'static str, Vec<Choice>)> {
        let path = self.path(node);
        let queued = self.nodes[node].queued;
        let first = self.replay(queued, &path);
        let choices = first.choices();
        let mut ready = Some(first);
        for choice in choices {
            let mut world = ready.take().unwrap_or_else(|| self.replay(queued, &path));
            world.happen(choice);
            if let Some(broken) = world.broken() {
                return Some((broken, path.into_iter().chain([choice]).collect()));
            }
            let target = self.visit(world, node, Some(choice), queued);
            self.edges.push((node, target));
        }
        None
    }

    fn replay(&self, queued: bool, path: &[Choice]) -> World {
        let mut world = World::new(self.bounds, queued);
        for choice in path {
            world.happen(*choice);
        }
        world
    }

    fn visit(&mut self, world: World, parent: usize, choice: Option<Choice>, queued: bool) -> usize {
        let nodes = &mut self.nodes;
        *self.seen.entry(world.key()).or_insert_with(|| {
            nodes.push(Node {
                parent,
                choice,
                queued,
                quiet: world.quiet(),
            });
            nodes.len() - 1
        })
    }

    fn path(&self, node: usize) -> Vec<Choice> {
        let mut path = Vec::new();
        let mut at = node;
        while let Some(choice) = self.nodes[at].choice {
            path.push(choice);
            at = self.nodes[at].parent;
        }
        path.reverse();
        path
    }

    /// A state from which nothing leads to rest.
    fn stuck(&self) -> Option<usize> {
        let mut back = vec![Vec::new(); self.nodes.len()];
        for (from, to) in &self.edges {
            back[*to].push(*from);
        }
        let mut rests: Vec<bool> = self.nodes.iter().map(|node| node.quiet).collect();
        let mut todo: Vec<usize> = (0..self.nodes.len()).filter(|node| rests[*node]).collect();
        while let Some(node) = todo.pop() {
            for from in &back[node] {
                if !std::mem::replace(&mut rests[*from], true) {
                    todo.push(*from);
                }
            }
        }
        rests.iter().position(|rests| !rests)
    }

    fn end(&self, broken: Option<(&'static str, Vec<Choice>)>) -> Explored {
        Explored {
            states: self.nodes.len(),
            transitions: self.edges.len(),
            broken,
        }
    }
}
