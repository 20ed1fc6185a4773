//! The rule of a composite alarm: `ALARM("a") AND NOT (OK(b) OR INSUFFICIENT_DATA(c))`.
//!
//! `NOT` binds closest, then `AND`, then `OR`. Words may be in letters of either case. Source: `PutCompositeAlarm`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::words::StateValue;

/// Alarms that a rule may mention (source: `PutCompositeAlarm`).
const MOST_ALARMS: usize = 100;
/// Alarms, constants and parentheses that it may consist of (source: `PutCompositeAlarm`). It bounds the depth as well.
const MOST_ELEMENTS: usize = 500;

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Rule {
    text: String,
    expression: Expression,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// AWS would not read it either.
    Wrong(String),
    /// It has what only AWS knows.
    NotHere(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    Constant(bool),
    /// An alarm, by name or ARN, is in a state.
    Is(StateValue, String),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Constant(bool),
    Is(StateValue, String),
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, Unfit> {
        let tokens = tokens(text)?;
        let elements = tokens
            .iter()
            .filter(|token| matches!(token, Token::Open | Token::Close | Token::Constant(_) | Token::Is(..)));
        if elements.count() > MOST_ELEMENTS {
            return Err(Unfit::Wrong(format!("it has more than {MOST_ELEMENTS} elements")));
        }
        let mut parser = Parser { tokens: &tokens };
        let expression = parser.any()?;
        if let Some(token) = parser.tokens.first() {
            return Err(Unfit::Wrong(format!(
                "{} is not expected where it stands",
                token.told()
            )));
        }
        let rule = Self {
            text: text.to_owned(),
            expression,
        };
        if rule.mentioned().len() > MOST_ALARMS {
            return Err(Unfit::Wrong(format!("it mentions more than {MOST_ALARMS} alarms")));
        }
        Ok(rule)
    }

    /// As it was given.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The alarms that it mentions, by name or ARN.
    pub(super) fn mentioned(&self) -> BTreeSet<&str> {
        let mut all = BTreeSet::new();
        self.expression.collect(&mut all);
        all
    }

    /// Whether it holds, given the states of alarms.
    pub(super) fn holds(&self, state: &impl Fn(&str) -> Option<StateValue>) -> bool {
        self.expression.holds(state)
    }
}

impl TryFrom<String> for Rule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|unfit| match unfit {
            Unfit::Wrong(why) => why,
            Unfit::NotHere(what) => what.to_owned(),
        })
    }
}

impl From<String> for Unfit {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.text
    }
}

impl Expression {
    fn collect<'a>(&'a self, all: &mut BTreeSet<&'a str>) {
        match self {
            Self::Constant(_) => {}
            Self::Is(_, alarm) => {
                all.insert(alarm);
            }
            Self::Not(inner) => inner.collect(all),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.collect(all)),
        }
    }

    fn holds(&self, state: &impl Fn(&str) -> Option<StateValue>) -> bool {
        match self {
            Self::Constant(value) => *value,
            Self::Is(wanted, alarm) => state(alarm) == Some(*wanted),
            Self::Not(inner) => !inner.holds(state),
            Self::All(parts) => parts.iter().all(|part| part.holds(state)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(state)),
        }
    }
}

impl Token {
    fn told(&self) -> String {
        match self {
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
            Self::And => "AND".to_owned(),
            Self::Or => "OR".to_owned(),
            Self::Not => "NOT".to_owned(),
            Self::Constant(value) => value.to_string().to_ascii_uppercase(),
            Self::Is(state, alarm) => format!("{}({alarm})", state.word()),
        }
    }
}

/// What is left to be read.
struct Parser<'a> {
    tokens: &'a [Token],
}

impl Parser<'_> {
    fn take(&mut self, wanted: &Token) -> bool {
        match self.tokens.split_first() {
            Some((token, rest)) if token == wanted => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.take(&Token::Or) {
            parts.push(self.all()?);
        }
        Ok(joined(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.one()?];
        while self.take(&Token::And) {
            parts.push(self.one()?);
        }
        Ok(joined(parts, Expression::All))
    }

    fn one(&mut self) -> Result<Expression, String> {
        let mut negated = false;
        // Counted and not descended into: a rule has room for thousands of them.
        while self.take(&Token::Not) {
            negated = !negated;
        }
        let (token, rest) = self.tokens.split_first().ok_or("it ends where an alarm is expected")?;
        self.tokens = rest;
        let inner = match token {
            Token::Constant(value) => Expression::Constant(*value),
            Token::Is(state, alarm) => Expression::Is(*state, alarm.clone()),
            Token::Open => {
                let inner = self.any()?;
                if !self.take(&Token::Close) {
                    return Err("a parenthesis is not closed".to_owned());
                }
                inner
            }
            Token::Close | Token::And | Token::Or | Token::Not => {
                return Err(format!("{} stands where an alarm is expected", token.told()));
            }
        };
        Ok(if negated {
            Expression::Not(Box::new(inner))
        } else {
            inner
        })
    }
}

fn joined(mut parts: Vec<Expression>, join: impl Fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Unfit> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '(' || first == ')' {
            tokens.push(if first == '(' { Token::Open } else { Token::Close });
            rest = rest[1..].trim_start();
            continue;
        }
        let end = rest
            .find(|letter: char| letter.is_whitespace() || letter == '(' || letter == ')')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after.trim_start();
        tokens.push(match word.to_ascii_uppercase().as_str() {
            "AND" => Token::And,
            "OR" => Token::Or,
            "NOT" => Token::Not,
            "TRUE" => Token::Constant(true),
            "FALSE" => Token::Constant(false),
            "AT_LEAST" => return Err(Unfit::NotHere("AT_LEAST in the rules of composite alarms")),
            upper => {
                let state = StateValue::parse(upper).ok_or_else(|| format!("{word} is no word of rules"))?;
                let (alarm, after) = mentioned(rest)?;
                rest = after;
                Token::Is(state, alarm)
            }
        });
    }
    Ok(tokens)
}

/// The alarm in parentheses, and what comes after it.
fn mentioned(text: &str) -> Result<(String, &str), String> {
    let inner = text
        .strip_prefix('(')
        .ok_or("the name of a state stands without an alarm")?;
    let inner = inner.trim_start();
    let (alarm, rest) = match inner.strip_prefix('"') {
        Some(quoted) => unquoted(quoted)?,
        None => {
            let end = inner.find(')').ok_or("a parenthesis is not closed")?;
            (inner[..end].trim_end().to_owned(), &inner[end..])
        }
    };
    let rest = rest.trim_start().strip_prefix(')');
    let rest = rest.ok_or("a name in quotes is not followed by a parenthesis that closes")?;
    if alarm.is_empty() {
        return Err("a name is empty".to_owned());
    }
    Ok((alarm, rest.trim_start()))
}

/// A name up to its closing quote. A quote within it stands behind a backslash.
fn unquoted(text: &str) -> Result<(String, &str), String> {
    let mut name = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((name, &text[at + 1..])),
            '\\' if text[at + 1..].starts_with(['"', '\\']) => name.extend(letters.next().map(|(_, letter)| letter)),
            _ => name.push(letter),
        }
    }
    Err("a quote is not closed".to_owned())
}
