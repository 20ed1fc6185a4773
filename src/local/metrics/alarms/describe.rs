//! `DescribeAlarms`.

use super::Alarms;
use super::alarm::{Alarm, Kind};
use super::definition::Definition;
use super::rule::Rule;
use crate::local::fault::Fault;
use crate::local::metrics::Document;
use crate::local::metrics::faults::{combination, next_token, not_implemented};

/// Alarms on a page where nobody says how many.
const PAGE: usize = 50;

impl Alarms {
    /// `DescribeAlarms`. Without `AlarmTypes` it tells of metric alarms only.
    pub(super) fn describe(&self, input: &Document) -> Result<Document, Fault> {
        for name in ["ChildrenOfAlarmName", "ParentsOfAlarmName"] {
            if input.field(name).is_some() {
                return Err(not_implemented(&format!("DescribeAlarms by {name}")));
            }
        }
        let names: Vec<&str> = input.texts_of("AlarmNames").collect();
        let prefix = input.text_of("AlarmNamePrefix");
        if prefix.is_some() && !names.is_empty() {
            return Err(combination(
                "The parameters AlarmNames and AlarmNamePrefix cannot be used together.",
            ));
        }
        let types: Vec<&str> = input.texts_of("AlarmTypes").collect();
        let is_wanted = |alarm: &Alarm| match &alarm.kind {
            Kind::Metric(_) => types.is_empty() || types.contains(&"MetricAlarm"),
            Kind::Composite(_) => types.contains(&"CompositeAlarm"),
        };
        let (state, action) = (input.text_of("StateValue"), input.text_of("ActionPrefix"));
        let after = input.text_of("NextToken").map(name_in).transpose()?;
        let mut found = self
            .alarms
            .values()
            .filter(|alarm| is_wanted(alarm))
            .filter(|alarm| names.is_empty() || names.contains(&alarm.name.as_str()))
            .filter(|alarm| prefix.is_none_or(|prefix| alarm.name.starts_with(prefix)))
            .filter(|alarm| state.is_none_or(|state| state == alarm.state.value.word()))
            .filter(|alarm| action.is_none_or(|prefix| alarm.actions.begin_with(prefix)))
            .filter(|alarm| after.as_ref().is_none_or(|after| alarm.name > *after))
            .peekable();
        let (mut metric, mut composite) = (Vec::new(), Vec::new());
        let mut last = None;
        for alarm in found.by_ref().take(page(input)) {
            match &alarm.kind {
                Kind::Metric(definition) => metric.push(self.metric_alarm(alarm, definition)),
                Kind::Composite(rule) => composite.push(self.composite_alarm(alarm, rule)),
            }
            last = Some(alarm.name.as_str());
        }
        let mut fields = vec![
            ("MetricAlarms".to_owned(), Document::List(metric)),
            ("CompositeAlarms".to_owned(), Document::List(composite)),
        ];
        if let Some(last) = last.filter(|_| found.peek().is_some()) {
            fields.push(("NextToken".to_owned(), Document::Text(token_of(last))));
        }
        Ok(Document::Map(fields))
    }

    fn metric_alarm(&self, alarm: &Alarm, definition: &Definition) -> Document {
        let mut fields = self.common(alarm);
        let dimensions = definition
            .dimensions
            .iter()
            .map(|(name, value)| Document::map([("Name", Document::text(name)), ("Value", Document::text(value))]));
        let statistic = if definition.is_extended() {
            "ExtendedStatistic"
        } else {
            "Statistic"
        };
        let whole = |number: u32| Document::Whole(i64::from(number));
        fields.extend([
            ("MetricName", Document::text(&definition.metric_name)),
            ("Namespace", Document::text(&definition.namespace)),
            (statistic, Document::text(&definition.statistic)),
            ("Dimensions", Document::List(dimensions.collect())),
            ("Period", whole(definition.period)),
            ("EvaluationPeriods", whole(definition.evaluation_periods)),
            ("Threshold", Document::Number(definition.threshold)),
            ("ComparisonOperator", Document::text(definition.comparison.word())),
        ]);
        let optional = [
            ("Unit", definition.unit.as_deref()),
            (
                "TreatMissingData",
                definition.treat_missing_data.map(|treatment| treatment.word()),
            ),
            (
                "EvaluateLowSampleCountPercentile",
                definition.low_sample_count.map(|treatment| treatment.word()),
            ),
        ];
        fields.extend(
            optional
                .into_iter()
                .filter_map(|(name, word)| Some((name, Document::text(word?)))),
        );
        fields.extend(
            definition
                .datapoints_to_alarm
                .map(|number| ("DatapointsToAlarm", whole(number))),
        );
        named(fields)
    }

    fn composite_alarm(&self, alarm: &Alarm, rule: &Rule) -> Document {
        let mut fields = self.common(alarm);
        fields.push(("AlarmRule", Document::text(rule.text())));
        named(fields)
    }

    /// What alarms of all types have.
    fn common(&self, alarm: &Alarm) -> Vec<(&'static str, Document)> {
        let Alarm { actions, state, .. } = alarm;
        let list = |actions: &[String]| Document::List(actions.iter().map(Document::text).collect());
        let mut fields = vec![
            ("AlarmName", Document::text(&alarm.name)),
            ("AlarmArn", Document::Text(self.arn(&alarm.name))),
            (
                "AlarmConfigurationUpdatedTimestamp",
                Document::Time(alarm.configured_at),
            ),
            ("ActionsEnabled", Document::Bool(actions.enabled)),
            ("OKActions", list(&actions.ok)),
            ("AlarmActions", list(&actions.alarm)),
            ("InsufficientDataActions", list(&actions.insufficient_data)),
            ("StateValue", Document::text(state.value.word())),
            ("StateReason", Document::text(&state.reason)),
            ("StateUpdatedTimestamp", Document::Time(state.updated_at)),
            ("StateTransitionedTimestamp", Document::Time(state.transitioned_at)),
        ];
        let described = alarm.description.as_ref();
        fields.extend(described.map(|text| ("AlarmDescription", Document::text(text))));
        let data = state.reason_data.as_ref();
        fields.extend(data.map(|data| ("StateReasonData", Document::text(data))));
        fields
    }
}

fn named(fields: Vec<(&'static str, Document)>) -> Document {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    Document::Map(fields.collect())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the model allows 1 to 100"
)]
fn page(input: &Document) -> usize {
    input.number_of("MaxRecords").map_or(PAGE, |number| number as usize)
}

/// The token of a page that ends with an alarm: its name in hexadecimal digits, so that it looks like nothing to build upon.
fn token_of(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn name_in(token: &str) -> Result<String, Fault> {
    let digits: Option<Vec<u32>> = token.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len() % 2 == 0);
    let bytes: Option<Vec<u8>> = digits.ok_or_else(next_token)?.chunks(2).map(byte).collect();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(next_token)
}

fn byte(digits: &[u32]) -> Option<u8> {
    let value = digits.iter().fold(0, |value, digit| value * 16 + digit);
    u8::try_from(value).ok()
}
