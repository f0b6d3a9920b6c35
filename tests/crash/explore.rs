//! Visits every state of a scene, each once, and remembers how it came there.

use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};

use waybill::rules::{Rule, without};

/// Every state that any test of this run has visited.
static VISITED: AtomicUsize = AtomicUsize::new(0);

/// A digest of whatever matters.
pub fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A part of the world in which things happen one at a time.
pub trait Scene {
    /// One thing that can happen.
    type Choice: Copy + Debug;
    /// The scene at one moment.
    type Frozen;
    /// What a copy does not hold and can be had again at a price.
    type Aside;

    /// The scenes that everything begins with.
    fn beginnings(&mut self) -> Vec<Self::Frozen>;
    /// Everything that can happen now.
    fn choices(&self) -> Vec<Self::Choice>;
    /// Makes one thing happen.
    fn happen(&mut self, choice: Self::Choice);
    /// What is broken, if anything is.
    fn broken(&self) -> Option<&'static str>;
    /// Whether the scene has come to rest.
    fn quiet(&self) -> bool;
    /// Equal for scenes of which the same can still become.
    fn key(&self) -> u64;
    /// A copy.
    fn freeze(&self) -> Self::Frozen;
    /// Takes the place of whatever was.
    fn thaw(&mut self, frozen: &Self::Frozen);
    /// Whoever is under way, as he stands: he cannot be copied, but he can be set aside.
    fn set_aside(&mut self) -> Self::Aside;
    /// Whoever was set aside in this same state goes on.
    fn take_up(&mut self, aside: Self::Aside);
}

/// In which order states are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Few at a time in memory; a scene is handed on to what came of it.
    Depth,
    /// What is found is found by the shortest way.
    Breadth,
}

/// What an exploration saw.
pub struct Explored<C> {
    /// States visited.
    pub states: usize,
    /// Things that happened.
    pub transitions: usize,
    /// What was broken, and the way there.
    pub broken: Option<(&'static str, Vec<C>)>,
}

struct Node<C> {
    parent: u32,
    choice: Option<C>,
    quiet: bool,
}

/// Visits every state, and then asks that each can still come to rest. What a write changed can be had from the job itself
/// here, and no write tells it.
pub fn explore<S: Scene>(scene: S, order: Order) -> Explored<S::Choice> {
    without(Rule::TellChanges, || visit(scene, order))
}

fn visit<S: Scene>(scene: S, order: Order) -> Explored<S::Choice> {
    let mut search = Search {
        scene,
        order,
        nodes: Vec::new(),
        seen: HashMap::new(),
        edges: Vec::new(),
        todo: VecDeque::new(),
        at: 0,
    };
    for frozen in search.scene.beginnings() {
        search.scene.thaw(&frozen);
        search.arrive(None);
    }
    let next = |todo: &mut VecDeque<_>| match order {
        Order::Depth => todo.pop_back(),
        Order::Breadth => todo.pop_front(),
    };
    while let Some((node, frozen)) = next(&mut search.todo) {
        if let Some(broken) = search.expand(node, &frozen) {
            return search.end(Some(broken));
        }
    }
    let stuck = search.stuck().map(|node| ("can never come to rest", search.path(node)));
    search.end(stuck)
}

struct Search<S: Scene> {
    scene: S,
    order: Order,
    nodes: Vec<Node<S::Choice>>,
    seen: HashMap<u64, u32>,
    edges: Vec<(u32, u32)>,
    todo: VecDeque<(u32, S::Frozen)>,
    /// The state that the scene is in.
    at: u32,
}

impl<S: Scene> Search<S> {
    fn expand(&mut self, node: u32, frozen: &S::Frozen) -> Option<(&'static str, Vec<S::Choice>)> {
        if self.at != node {
            self.scene.thaw(frozen);
        }
        let mut choices = self.scene.choices();
        // What happens last is what is looked at next: a worker who goes on need not be led back to where he was.
        if self.order == Order::Depth && !choices.is_empty() {
            choices.rotate_left(1);
        }
        let last = choices.len().saturating_sub(1);
        let mut aside = Some(self.scene.set_aside());
        for (nth, choice) in choices.into_iter().enumerate() {
            if nth > 0 {
                self.scene.thaw(frozen);
            }
            if let Some(aside) = aside.take_if(|_| nth == last) {
                self.scene.take_up(aside);
            }
            self.scene.happen(choice);
            if let Some(broken) = self.scene.broken() {
                let mut path = self.path(node);
                path.push(choice);
                return Some((broken, path));
            }
            let target = self.arrive(Some((node, choice)));
            self.edges.push((node, target));
        }
        None
    }

    /// Takes the state that the scene is in for a node, and plans to look at it if it is new.
    fn arrive(&mut self, from: Option<(u32, S::Choice)>) -> u32 {
        let number = u32::try_from(self.nodes.len()).unwrap();
        let node = *self.seen.entry(self.scene.key()).or_insert(number);
        // Equal is not the same: the scene may be the mirror image of the one that is known.
        self.at = if node == number { node } else { u32::MAX };
        if node == number {
            self.nodes.push(Node {
                parent: from.map_or(u32::MAX, |(parent, _)| parent),
                choice: from.map(|(_, choice)| choice),
                quiet: self.scene.quiet(),
            });
            self.todo.push_back((number, self.scene.freeze()));
        }
        node
    }

    fn path(&self, node: u32) -> Vec<S::Choice> {
        let mut path = Vec::new();
        let mut at = &self.nodes[node as usize];
        while let Some(choice) = at.choice {
            path.push(choice);
            at = &self.nodes[at.parent as usize];
        }
        path.reverse();
        path
    }

    /// A state from which nothing leads to rest.
    fn stuck(&self) -> Option<u32> {
        let mut rests: Vec<bool> = self.nodes.iter().map(|node| node.quiet).collect();
        let mut back = self.edges.clone();
        back.sort_unstable_by_key(|(_, to)| *to);
        let numbers = 0..u32::try_from(rests.len()).unwrap();
        let mut todo: Vec<u32> = numbers.clone().filter(|node| rests[*node as usize]).collect();
        while let Some(node) = todo.pop() {
            let first = back.partition_point(|(_, to)| *to < node);
            for (from, _) in back[first..].iter().take_while(|(_, to)| *to == node) {
                if !std::mem::replace(&mut rests[*from as usize], true) {
                    todo.push(*from);
                }
            }
        }
        numbers.into_iter().find(|node| !rests[*node as usize])
    }

    fn end(&self, broken: Option<(&'static str, Vec<S::Choice>)>) -> Explored<S::Choice> {
        let states = self.nodes.len();
        let all = VISITED.fetch_add(states, Ordering::Relaxed) + states;
        println!("crash exploration: {all} states in all so far");
        Explored {
            states,
            transitions: self.edges.len(),
            broken,
        }
    }
}
