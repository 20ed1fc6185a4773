//! Reading flat parameters such as `OptionSettings.member.2.Value` as a small tree.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use super::error::{self, AwsError};
use crate::model::Timestamp;

/// Deeper than any shape of the service; what lies below is not looked at.
const DEEPEST: usize = 16;

/// Parameters of a call, or of one structure or list item within it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    value: Option<String>,
    children: BTreeMap<String, Self>,
}

/// Only names are shown: values of option settings may be secrets.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.children.iter()).finish()
    }
}

impl Parameters {
    /// Reads a call. Of two values with the same name the last one counts.
    pub(crate) fn parse(parameters: &[(String, String)]) -> Self {
        let mut root = Self::default();
        for (name, value) in parameters {
            let mut node = &mut root;
            for part in name.splitn(DEEPEST, '.') {
                node = node.children.entry(part.to_owned()).or_default();
            }
            node.value = Some(value.clone());
        }
        root
    }

    /// The value of a list item that is a plain text.
    pub(crate) fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Everything below it, by name.
    pub(crate) fn children(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.children.iter().map(|(name, child)| (name.as_str(), child))
    }

    /// What stands under a name, whatever it is.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.get(name)
    }

    /// A text, which may be empty.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.children.get(name)?.value()
    }

    /// A text; an empty one counts as not given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|text| !text.is_empty())
    }

    /// A text that must be given.
    pub(crate) fn required(&self, name: &str) -> Result<&str, AwsError> {
        self.text(name).ok_or_else(|| error::null_parameter(name))
    }

    /// A text whose length in characters is limited.
    pub(crate) fn limited(&self, name: &str, length: RangeInclusive<usize>) -> Result<Option<&str>, AwsError> {
        let Some(text) = self.raw(name) else { return Ok(None) };
        let characters = text.chars().count();
        if characters > *length.end() {
            let rule = format!("Member must have length less than or equal to {}", length.end());
            return Err(error::constraint(text, name, &rule));
        }
        if characters < *length.start() {
            let rule = format!("Member must have length greater than or equal to {}", length.start());
            return Err(error::constraint(text, name, &rule));
        }
        Ok(Some(text))
    }

    /// The same for a text that must be given.
    pub(crate) fn required_limited(&self, name: &str, length: RangeInclusive<usize>) -> Result<&str, AwsError> {
        self.limited(name, length)?.ok_or_else(|| error::null_parameter(name))
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, AwsError> {
        match self.text(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(text) => Err(error::malformed(name, text, "boolean")),
        }
    }

    /// A whole number within limits.
    pub(crate) fn number(&self, name: &str, range: RangeInclusive<usize>) -> Result<Option<usize>, AwsError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number: usize = text.parse().map_err(|_| error::malformed(name, text, "integer"))?;
        if number < *range.start() {
            let rule = format!("Member must have value greater than or equal to {}", range.start());
            return Err(error::constraint(text, name, &rule));
        }
        if number > *range.end() {
            let rule = format!("Member must have value less than or equal to {}", range.end());
            return Err(error::constraint(text, name, &rule));
        }
        Ok(Some(number))
    }

    /// A moment in ISO 8601, rounded down to the millisecond.
    pub(crate) fn timestamp(&self, name: &str) -> Result<Option<Timestamp>, AwsError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let moment: jiff::Timestamp = text.parse().map_err(|_| error::malformed(name, text, "timestamp"))?;
        Ok(Some(Timestamp::from_millis(moment.as_millisecond())))
    }

    /// Items of a list, in their order. A list that was not given is empty.
    pub(crate) fn list(&self, name: &str) -> Vec<&Self> {
        let Some(members) = self.children.get(name).and_then(|list| list.children.get("member")) else {
            return Vec::new();
        };
        let mut items: Vec<(u64, &Self)> = members
            .children
            .iter()
            .filter_map(|(number, item)| Some((number.parse().ok()?, item)))
            .collect();
        items.sort_by_key(|(number, _)| *number);
        items.into_iter().map(|(_, item)| item).collect()
    }

    /// Items of a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        self.list(name).into_iter().filter_map(Self::value).collect()
    }

    /// A structure, if it was given.
    pub(crate) fn structure(&self, name: &str) -> Option<&Self> {
        self.children.get(name).filter(|node| !node.children.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(parameters: &[(&str, &str)]) -> Parameters {
        let owned: Vec<(String, String)> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Parameters::parse(&owned)
    }

    #[test]
    fn lists_come_in_the_order_of_their_numbers() {
        let parameters = parse(&[
            ("OptionSettings.member.10.Value", "ten"),
            ("OptionSettings.member.2.Value", "two"),
            ("OptionSettings.member.2.Namespace", "aws:x"),
            ("EnvironmentNames.member.1", "green"),
            ("Empty", ""),
        ]);
        let values: Vec<_> = parameters
            .list("OptionSettings")
            .iter()
            .filter_map(|item| item.text("Value"))
            .collect();
        assert_eq!(values, ["two", "ten"]);
        assert_eq!(parameters.texts("EnvironmentNames"), ["green"]);
        assert!(parameters.list("Empty").is_empty());
        assert!(parameters.structure("Empty").is_none());
    }

    #[test]
    fn values_are_checked() {
        let parameters = parse(&[
            ("Flag", "maybe"),
            ("MaxRecords", "0"),
            ("Name", "abc"),
            ("When", "2026-11-22T10:00:00.123456Z"),
            ("Offset", "2026-11-22T11:00:00+01:00"),
        ]);
        assert_eq!(parameters.boolean("Flag").unwrap_err().code, "MalformedInput");
        let error = parameters.number("MaxRecords", 1..=1000).unwrap_err();
        assert_eq!(
            error.message,
            "Value 0 at 'MaxRecords' failed to satisfy constraint: Member must have value greater than or equal to 1"
        );
        assert!(parameters.limited("Name", 4..=40).is_err());
        assert_eq!(
            parameters.required("ApplicationName").unwrap_err().message,
            "1 validation error detected: Value null at 'applicationName' failed to satisfy constraint: \
             Member must not be null"
        );
        let moment = parameters.timestamp("When").unwrap().unwrap();
        assert_eq!(moment.to_string(), "2026-11-22T10:00:00.123Z");
        let offset = parameters.timestamp("Offset").unwrap().unwrap();
        assert_eq!(offset.to_string(), "2026-11-22T10:00:00.000Z");
    }

    #[test]
    fn lists_in_structures_in_lists_are_read_to_their_end() {
        let name = "Actions.member.1.ForwardConfig.TargetGroups.member.2.Tags.member.3.Values.member.4.Text";
        let parameters = parse(&[(name, "deep")]);
        let only = |parameters: &Parameters, name: &str| parameters.list(name)[0].clone();
        let group = only(
            only(&parameters, "Actions").structure("ForwardConfig").unwrap(),
            "TargetGroups",
        );
        assert_eq!(only(&only(&group, "Tags"), "Values").text("Text"), Some("deep"));
    }

    #[test]
    fn a_hostile_depth_is_harmless() {
        let name = "a.".repeat(100_000);
        assert!(parse(&[(&name, "x")]).structure("a").is_some());
    }

    #[test]
    fn values_do_not_show_in_debug_output() {
        let shown = format!("{:?}", parse(&[("OptionSettings.member.1.Value", "hunter2")]));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
