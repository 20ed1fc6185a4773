//! The parsed file: where each value stands, and how to take one out.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// One step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Into a table.
    Key(String),
    /// Into an array.
    Index(usize),
}

/// The way from the top of the file to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(Vec<Step>);

impl Place {
    /// The place of a value in a table at the top of the file, or deeper.
    pub(super) fn of(keys: &[&str]) -> Self {
        keys.iter().fold(Self::default(), |place, key| place.key(key))
    }

    /// The place of a value in the table that stands here.
    pub(super) fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// The place of an element of the array that stands here.
    pub(super) fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    /// The steps, from the top.
    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The elements of arrays that it lies in, the innermost first.
    pub(super) fn elements(&self) -> impl Iterator<Item = Self> + '_ {
        let is_element = |length: &usize| matches!(self.0.get(length - 1), Some(Step::Index(_)));
        let lengths = (1..=self.0.len()).rev().filter(is_element);
        lengths.map(|length| Self(self.0[..length].to_vec()))
    }

    /// The table or array around; `None` at the top.
    pub(super) fn parent(&self) -> Option<Self> {
        let (_, front) = self.0.split_last()?;
        Some(Self(front.to_vec()))
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                    if !key.is_empty() && key.chars().all(bare) {
                        f.write_str(key)?;
                    } else {
                        write!(f, "{key:?}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A value of the file: its place, and the bytes of its key and of itself.
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
}

/// A parsed file whose values can be found by place and by position in the text.
pub(super) struct Document<'i> {
    root: Spanned<DeTable<'i>>,
    /// Every value as it was written, before any was taken out.
    written: Vec<Node>,
}

impl<'i> Document<'i> {
    pub(super) fn new(root: Spanned<DeTable<'i>>) -> Self {
        let mut written = Vec::new();
        collect_table(root.get_ref(), &Place::default(), &mut written);
        Self { root, written }
    }

    /// The place that a value had when nothing was taken out: elements behind one that was have moved up since.
    pub(super) fn as_written(&self, place: &Place) -> Place {
        let nodes = self.nodes();
        let mut known = Some(place.clone());
        while let Some(at) = known {
            let depth = at.steps().len();
            let written = nodes.iter().find(|node| node.place == at).and_then(|now| {
                let is_it =
                    |node: &&Node| node.place.steps().len() == depth && node.value == now.value && node.key == now.key;
                self.written.iter().find(is_it)
            });
            if let Some(written) = written {
                return Place([written.place.steps(), &place.steps()[depth..]].concat());
            }
            known = at.parent();
        }
        place.clone()
    }

    /// The table at the top.
    pub(super) fn root(&self) -> &DeTable<'i> {
        self.root.get_ref()
    }

    /// Reads the document as a type; the first value that does not fit is the error.
    pub(super) fn read<T: for<'de> Deserialize<'de>>(&self) -> Result<T, toml::de::Error> {
        T::deserialize(toml::de::Deserializer::from(self.root.clone()))
    }

    /// The value at a place, if the file has one there.
    pub(super) fn get(&self, place: &Place) -> Option<&DeValue<'i>> {
        let (first, rest) = place.steps().split_first()?;
        let Step::Key(key) = first else { return None };
        let mut value = self.root().get(key.as_str())?.get_ref();
        for step in rest {
            value = match (step, value) {
                (Step::Key(key), DeValue::Table(table)) => table.get(key.as_str())?.get_ref(),
                (Step::Index(index), DeValue::Array(array)) => array.get(*index)?.get_ref(),
                _ => return None,
            };
        }
        Some(value)
    }

    /// The bytes to point at for a place: its value, its key if the value is a table, or what is around it when the
    /// file does not name it. The start of the file when nothing around it is named either.
    pub(super) fn span(&self, place: &Place) -> Range<usize> {
        let nodes = self.nodes();
        let mut wanted = Some(place.clone());
        while let Some(place) = wanted {
            if let Some(node) = nodes.iter().find(|node| node.place == place) {
                let is_table = self.get(&place).is_some_and(DeValue::is_table);
                return if is_table { node.key.clone() } else { node.value.clone() };
            }
            wanted = place.parent();
        }
        0..0
    }

    /// The innermost value whose key or own bytes are these, or else the smallest that holds them.
    pub(super) fn find(&self, span: &Range<usize>) -> Option<Place> {
        let nodes = self.nodes();
        let exact = nodes
            .iter()
            .filter(|node| node.value == *span || node.key == *span)
            .max_by_key(|node| node.place.steps().len());
        let around = || {
            nodes
                .iter()
                .filter(|node| node.value.start <= span.start && span.end <= node.value.end)
                .min_by_key(|node| node.value.len())
        };
        exact.or_else(around).map(|node| node.place.clone())
    }

    /// Every value with its place, outer ones first.
    pub(super) fn nodes(&self) -> Vec<Node> {
        let mut nodes = Vec::new();
        collect_table(self.root(), &Place::default(), &mut nodes);
        nodes
    }

    /// Takes a value out. Later elements of the same array move up, as their places do.
    pub(super) fn remove(&mut self, place: &Place) {
        let Some((last, front)) = place.steps().split_last() else {
            return;
        };
        let Some((Step::Key(first), between)) = front.split_first() else {
            if let Step::Key(key) = last {
                self.root.get_mut().remove(key.as_str());
            }
            return;
        };
        let mut value = self.root.get_mut().get_mut(first.as_str()).map(Spanned::get_mut);
        for step in between {
            value = match (step, value) {
                (Step::Key(key), Some(DeValue::Table(table))) => table.get_mut(key.as_str()).map(Spanned::get_mut),
                (Step::Index(index), Some(DeValue::Array(array))) => array.get_mut(*index).map(Spanned::get_mut),
                _ => None,
            };
        }
        match (last, value) {
            (Step::Key(key), Some(DeValue::Table(table))) => {
                table.remove(key.as_str());
            }
            (Step::Index(index), Some(DeValue::Array(array))) if *index < array.len() => {
                let all = std::mem::replace(array, DeArray::new());
                let kept = all.into_iter().enumerate().filter(|(at, _)| at != index);
                *array = kept.map(|(_, element)| element).collect();
            }
            _ => {}
        }
    }

    /// Puts a text at the top of the file where nothing stands, so that the rest can be read.
    pub(super) fn fill(&mut self, key: &str, text: &'static str) {
        let root = self.root.get_mut();
        if root.get(key).is_none() {
            root.insert(
                Spanned::new(0..0, key.to_owned().into()),
                Spanned::new(0..0, DeValue::String(text.into())),
            );
        }
    }
}

fn collect_table(table: &DeTable<'_>, place: &Place, nodes: &mut Vec<Node>) {
    for (key, value) in table {
        let key_span = key.span();
        collect_value(value, place.key(key.get_ref()), key_span, nodes);
    }
}

fn collect_value(value: &Spanned<DeValue<'_>>, place: Place, key: Range<usize>, nodes: &mut Vec<Node>) {
    nodes.push(Node {
        place: place.clone(),
        key,
        value: value.span(),
    });
    match value.get_ref() {
        DeValue::Table(table) => collect_table(table, &place, nodes),
        DeValue::Array(array) => {
            for (index, element) in array.iter().enumerate() {
                // An element has no key of its own: what points at its key points at the element.
                collect_value(element, place.index(index), element.span(), nodes);
            }
        }
        _ => {}
    }
}
