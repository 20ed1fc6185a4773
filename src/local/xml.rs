//! Writing XML in the shapes of the query protocol.

use std::fmt::Display;

/// XML text that grows.
#[derive(Clone, Default)]
pub(crate) struct Xml {
    text: String,
}

impl Xml {
    /// What was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// An element with elements in it.
    pub(crate) fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push('>');
        content(self);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// An element with text in it.
    pub(crate) fn text(&mut self, name: &str, value: impl Display) {
        self.element(name, |xml| xml.escaped(&value.to_string()));
    }

    /// The same, unless there is no text.
    pub(crate) fn optional(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A list: one `member` for each item. An empty list is written too, as AWS does.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut content: impl FnMut(&mut Self, T),
    ) {
        self.element(name, |xml| {
            for item in items {
                xml.element("member", |xml| content(xml, item));
            }
        });
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, name: &str, items: impl IntoIterator<Item = impl Display>) {
        self.list(name, items, |xml, item| xml.escaped(&item.to_string()));
    }

    fn escaped(&mut self, text: &str) {
        // Nearly all texts are plain. 0xef begins the two characters that XML cannot write.
        let is_plain = |byte: &u8| *byte >= b' ' && !matches!(byte, b'&' | b'<' | b'>' | b'"' | 0xef);
        if text.as_bytes().iter().all(is_plain) {
            self.text.push_str(text);
            return;
        }
        for character in text.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                // A parser would turn a bare carriage return into a newline.
                '\r' => self.text.push_str("&#13;"),
                '\t' | '\n' => self.text.push(character),
                // XML 1.0 has no way to write the others.
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => self.text.push('\u{fffd}'),
                _ => self.text.push(character),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut xml = Xml::default();
        xml.text("Value", "a<b & \"c\"\u{1}\r\n");
        assert_eq!(xml.as_str(), "<Value>a&lt;b &amp; &quot;c&quot;\u{fffd}&#13;\n</Value>");
        for (text, written) in [
            ("größer", "größer"),
            ("\u{fffe}", "\u{fffd}"),
            ("\u{feff}", "\u{feff}"),
            ("\u{7f}", "\u{7f}"),
            ("a>b", "a&gt;b"),
        ] {
            let mut xml = Xml::default();
            xml.text("Value", text);
            assert_eq!(xml.as_str(), format!("<Value>{written}</Value>"));
        }
    }

    #[test]
    fn lists_have_members_even_when_empty() {
        let mut xml = Xml::default();
        xml.texts("Versions", ["v1", "v2"]);
        xml.texts("Templates", Vec::<String>::new());
        xml.optional("Description", None::<&str>);
        assert_eq!(
            xml.as_str(),
            "<Versions><member>v1</member><member>v2</member></Versions><Templates></Templates>"
        );
    }
}
