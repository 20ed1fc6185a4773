//! Configuration files in bundles (`.ebextensions`) and saved configurations as documents: YAML or JSON, of which only texts, lists and maps matter.

use yaml_rust2::parser::{Event, Parser};

/// Deeper than any configuration file, and harmless.
const DEEPEST: usize = 64;

/// A part of a document. Numbers and truth values are the texts that they are written as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A text, or what is written as one.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// Names and what stands under them, in the order of the file.
    Map(Vec<(String, Self)>),
}

impl Node {
    /// What stands under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// Reads a document.
///
/// # Errors
///
/// With what is wrong with it as YAML and as JSON, as the service says it.
pub fn read(text: &str) -> Result<Node, String> {
    let yaml = match yaml(text) {
        Ok(node) => return Ok(node),
        Err(error) => error,
    };
    match serde_json::from_str(text) {
        Ok(value) => Ok(from_json(value)),
        Err(json) => Err(format!(
            "YAML exception: Invalid Yaml: {yaml}, JSON exception: Invalid JSON: {json}"
        )),
    }
}

/// A list or map that is being read.
enum Open {
    List(Vec<Node>),
    /// With the key whose value comes next.
    Map(Vec<(String, Node)>, Option<String>),
}

/// Reads the first document. Event by event, because a parser that calls itself can be sent too deep.
fn yaml(text: &str) -> Result<Node, String> {
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<Open> = Vec::new();
    loop {
        let (event, mark) = parser.next_token().map_err(|error| error.to_string())?;
        let whole = match event {
            Event::Scalar(text, ..) => Node::Text(text),
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() >= DEEPEST => {
                return Err(format!("nested more than {DEEPEST} deep in line {}", mark.line()));
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Node::List(items),
                Some(Open::Map(entries, _)) => Node::Map(entries),
                None => continue,
            },
            // A few lines of them can stand for gigabytes.
            Event::Alias(_) => return Err(format!("an alias in line {}, which is not supported", mark.line())),
            Event::StreamEnd => return Ok(Node::Map(Vec::new())),
            Event::Nothing | Event::StreamStart | Event::DocumentStart | Event::DocumentEnd => continue,
        };
        match open.last_mut() {
            None => return Ok(whole),
            Some(Open::List(items)) => items.push(whole),
            Some(Open::Map(entries, key)) => match (key.take(), whole) {
                (Some(key), value) => entries.push((key, value)),
                (None, Node::Text(text)) => *key = Some(text),
                (None, Node::List(_) | Node::Map(_)) => {
                    return Err(format!("a key that is no text in line {}", mark.line()));
                }
            },
        }
    }
}

fn from_json(value: serde_json::Value) -> Node {
    use serde_json::Value;
    match value {
        Value::Null => Node::Text(String::new()),
        Value::Bool(value) => Node::Text(value.to_string()),
        Value::Number(number) => Node::Text(number.to_string()),
        Value::String(text) => Node::Text(text),
        Value::Array(items) => Node::List(items.into_iter().map(from_json).collect()),
        Value::Object(entries) => Node::Map(
            entries
                .into_iter()
                .map(|(key, value)| (key, from_json(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_are_the_same_documents() {
        let expected = Node::Map(vec![
            ("a".into(), Node::Text("1".into())),
            (
                "b".into(),
                Node::List(vec![Node::Text("x y".into()), Node::Text("true".into())]),
            ),
        ]);
        assert_eq!(
            read("# comment\na: 1\nb:\n  - \"x y\"\n  - true\n"),
            Ok(expected.clone())
        );
        assert_eq!(read("{\"a\": 1,\n\t\"b\": [\"x y\", true]}"), Ok(expected));
        assert_eq!(read(""), Ok(Node::Map(Vec::new())));
        assert_eq!(read("a: !Ref B").unwrap().get("a").and_then(Node::text), Some("B"));
    }

    #[test]
    fn hostile_documents_are_refused() {
        assert!(read(&"[".repeat(DEEPEST + 1)).unwrap_err().contains("nested"));
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read("a: &x [1]\nb: *x\n").unwrap_err().contains("alias"));
        assert!(read("[1]: 2").is_err());
        let told = read("packages: [\n").unwrap_err();
        assert!(
            told.starts_with("YAML exception: ") && told.contains("JSON exception: "),
            "{told}"
        );
    }
}
