//! Conditions: an operator, a key of the request, and the values that it is compared with.
//!
//! A request without the key fails every operator but the negated ones, those with `IfExists`, and
//! `ForAllValues`. Several values of a condition are alternatives; for a negated operator, none of
//! them may hold.

use super::{
    Context,
    pattern::{Budget, Pattern, Syntax},
    read::{Fail, shown},
    value::{self, Compare},
};

/// One line of a `Condition` block.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    operator: Operator,
    /// Lower case.
    key: String,
    values: Vec<Value>,
}

/// An operator with its prefix and suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    each: Each,
    test: Test,
    negated: bool,
    if_exists: bool,
}

/// Which of a key's values have to satisfy it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Each {
    /// No prefix.
    Single,
    /// `ForAnyValue:`
    Any,
    /// `ForAllValues:`
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Text(Syntax),
    Arn,
    Number(Compare),
    Date(Compare),
    Bool,
    Binary,
    Address,
    Null,
}

/// What a key's value is compared with.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Pattern(Pattern),
    Number(f64),
    Date(i64),
    Bool(bool),
    Binary(String),
    Network(ipnet::IpNet),
}

impl Operator {
    /// Reads such as `ForAnyValue:StringNotEqualsIfExists`. `variables` says whether the document's
    /// version knows policy variables.
    pub(super) fn parse(text: &str, variables: bool) -> Option<Self> {
        let (each, rest) = match text.split_once(':') {
            None => (Each::Single, text),
            Some(("ForAnyValue", rest)) => (Each::Any, rest),
            Some(("ForAllValues", rest)) => (Each::All, rest),
            Some(_) => return None,
        };
        if text == "Null" {
            return Some(Self {
                each,
                test: Test::Null,
                negated: false,
                if_exists: false,
            });
        }
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let (test, negated) = test(name, variables)?;
        Some(Self {
            each,
            test,
            negated,
            if_exists,
        })
    }
}

fn test(name: &str, variables: bool) -> Option<(Test, bool)> {
    let text = |wildcards, fold| {
        Test::Text(Syntax {
            wildcards,
            variables,
            fold,
        })
    };
    Some(match name {
        "StringEquals" => (text(false, false), false),
        "StringNotEquals" => (text(false, false), true),
        "StringEqualsIgnoreCase" => (text(false, true), false),
        "StringNotEqualsIgnoreCase" => (text(false, true), true),
        "StringLike" => (text(true, false), false),
        "StringNotLike" => (text(true, false), true),
        "ArnEquals" | "ArnLike" => (Test::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
        "Bool" => (Test::Bool, false),
        "BinaryEquals" => (Test::Binary, false),
        "IpAddress" => (Test::Address, false),
        "NotIpAddress" => (Test::Address, true),
        _ => {
            let (ordered, name): (fn(Compare) -> Test, &str) = match name.strip_prefix("Numeric") {
                Some(name) => (Test::Number, name),
                None => (Test::Date, name.strip_prefix("Date")?),
            };
            let (compare, negated) = compare(name)?;
            (ordered(compare), negated)
        }
    })
}

fn compare(name: &str) -> Option<(Compare, bool)> {
    Some(match name {
        "Equals" => (Compare::Equals, false),
        "NotEquals" => (Compare::Equals, true),
        "LessThan" => (Compare::LessThan, false),
        "LessThanEquals" => (Compare::LessThanEquals, false),
        "GreaterThan" => (Compare::GreaterThan, false),
        "GreaterThanEquals" => (Compare::GreaterThanEquals, false),
        _ => return None,
    })
}

impl Condition {
    pub(super) fn new(operator: Operator, key: &str) -> Self {
        Self {
            operator,
            key: key.to_ascii_lowercase(),
            values: Vec::new(),
        }
    }

    /// Adds an alternative.
    pub(super) fn or(&mut self, text: &str, variables: bool) -> Result<(), Fail> {
        let not = |what: &str| Fail::here(format!("{:?} is not {what}", shown(text)));
        self.values.push(match self.operator.test {
            Test::Text(syntax) => Value::Pattern(Pattern::parse(text, syntax)?),
            Test::Arn => {
                let syntax = Syntax {
                    wildcards: true,
                    variables,
                    fold: false,
                };
                Value::Pattern(Pattern::parse(text, syntax)?)
            }
            Test::Number(_) => Value::Number(value::number(text).ok_or_else(|| not("a number"))?),
            Test::Date(_) => {
                Value::Date(value::date_ms(text).ok_or_else(|| not("a date of ISO 8601"))?)
            }
            Test::Bool | Test::Null => Value::Bool(match text {
                "true" | "True" | "TRUE" => true,
                "false" | "False" | "FALSE" => false,
                _ => return Err(not("true or false")),
            }),
            Test::Binary => Value::Binary(text.to_owned()),
            Test::Address => {
                let network = value::network(text);
                Value::Network(network.ok_or_else(|| not("an address or a network"))?)
            }
        });
        Ok(())
    }

    /// Whether the request satisfies it.
    pub(super) fn holds(&self, context: &Context, budget: &Budget) -> bool {
        let Operator {
            each,
            test,
            negated,
            if_exists,
        } = self.operator;
        let found = context.values(&self.key);
        if test == Test::Null {
            let absent = Value::Bool(found.is_none());
            return self.values.contains(&absent);
        }
        let Some(found) = found.filter(|found| !found.is_empty()) else {
            return match each {
                Each::Single => negated || if_exists,
                Each::Any => if_exists,
                Each::All => true,
            };
        };
        // A negated operator holds for a value that is none of the alternatives.
        let one = |value: &String| self.is_one(value, context, budget) != negated;
        match each {
            Each::Single if negated => found.iter().all(one),
            Each::Single | Each::Any => found.iter().any(one),
            Each::All => found.iter().all(one),
        }
    }

    /// Whether a value of the request is one of the alternatives.
    fn is_one(&self, text: &str, context: &Context, budget: &Budget) -> bool {
        self.values.iter().any(|value| match value {
            Value::Pattern(pattern) if self.operator.test == Test::Arn => {
                pattern.matches_arn(text, context, budget)
            }
            Value::Pattern(pattern) => pattern.matches(text, context, budget),
            Value::Number(wanted) => match self.operator.test {
                Test::Number(compare) => {
                    let order = value::number(text).and_then(|found| found.partial_cmp(wanted));
                    compare.holds(order)
                }
                _ => false,
            },
            Value::Date(wanted) => match self.operator.test {
                Test::Date(compare) => {
                    compare.holds(value::date_ms(text).map(|found| found.cmp(wanted)))
                }
                _ => false,
            },
            Value::Bool(wanted) => {
                text.eq_ignore_ascii_case(if *wanted { "true" } else { "false" })
            }
            Value::Binary(wanted) => text == wanted,
            Value::Network(network) => {
                value::address(text).is_some_and(|address| network.contains(&address))
            }
        })
    }
}
