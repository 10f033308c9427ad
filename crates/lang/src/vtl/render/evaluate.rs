//! Values of expressions. What Velocity finds wrong with an expression, such as dividing by zero
//! or ordering texts, gives nothing or false, not an error.

use std::cmp::Ordering;

use super::{Rendered, Renderer};
use crate::vtl::{
    number,
    tree::{Expression, Operator},
    value::{Map, Style, Text, Value},
};

/// Most elements that a range may have, so that `[1..2000000000]` is an error at once.
const RANGE_MAX: i64 = 1_000_000;

/// What an element costs of the memory budget, about its size.
const ELEMENT_BYTES: usize = 32;

impl<'a> Renderer<'a, '_> {
    pub(in crate::vtl) fn evaluate(&mut self, expression: &'a Expression) -> Rendered<Value<'a>> {
        self.deeper()?;
        let value = match expression {
            Expression::Null => Value::Null,
            Expression::Bool(value) => Value::Bool(*value),
            Expression::Int(number) => Value::Int(*number),
            Expression::Double(number) => Value::Double(*number),
            Expression::Text(text) => Value::text(text),
            Expression::Filled(nodes) => {
                Value::made(self.aside(|renderer| renderer.nodes(nodes).map(|_flow| ()))?)
            }
            Expression::List(items) => {
                self.charge(items.len() * ELEMENT_BYTES)?;
                let items: Rendered<Vec<_>> = items
                    .iter()
                    .map(|item| Ok(self.evaluate(item)?.kept()))
                    .collect();
                self.heap.new_list(Style::Java, items?)
            }
            Expression::Range(ends) => self.range(&ends.0, &ends.1)?,
            Expression::Map(entries) => self.map(entries)?,
            Expression::Reference(reference) => self.reference(reference)?,
            Expression::Negative(inner) => {
                let inner = self.evaluate(inner)?;
                number::compute(Operator::Subtract, &Value::Int(0), &inner).unwrap_or(Value::Null)
            }
            Expression::Not(_) => Value::Bool(self.is_true_here(expression)?),
            Expression::Chain(first, rest) => self.chain(first, rest)?,
        };
        self.depth -= 1;
        Ok(value)
    }

    /// Whether an expression counts as true. Nothing does, as does everything but `false`; a
    /// literal that is not `true` does not.
    pub(super) fn is_true(&mut self, expression: &'a Expression) -> Rendered<bool> {
        self.deeper()?;
        let is_true = self.is_true_here(expression)?;
        self.depth -= 1;
        Ok(is_true)
    }

    fn is_true_here(&mut self, expression: &'a Expression) -> Rendered<bool> {
        match expression {
            Expression::Reference(reference) => {
                Ok(!matches!(self.reference(reference)?, Value::Bool(false)))
            }
            Expression::Not(inner) => Ok(!self.is_true(inner)?),
            Expression::Bool(value) => Ok(*value),
            Expression::Chain(first, rest) => {
                Ok(matches!(self.chain(first, rest)?, Value::Bool(true)))
            }
            _ => Ok(false),
        }
    }

    fn range(&mut self, first: &'a Expression, last: &'a Expression) -> Rendered<Value<'a>> {
        let (Value::Int(first), Value::Int(last)) = (self.evaluate(first)?, self.evaluate(last)?)
        else {
            return Ok(Value::Null);
        };
        let distance = last.saturating_sub(first).saturating_abs().min(RANGE_MAX);
        let count = usize::try_from(distance).unwrap_or_default() + 1;
        self.spend(u64::try_from(count).unwrap_or(u64::MAX))?;
        self.charge(count * ELEMENT_BYTES)?;
        let items = (0..=distance).map(|step| {
            Value::Int(if first <= last {
                first + step
            } else {
                first - step
            })
        });
        let items = items.collect();
        Ok(self.heap.new_list(Style::Java, items))
    }

    fn map(&mut self, entries: &'a [(Expression, Expression)]) -> Rendered<Value<'a>> {
        self.charge(entries.len() * ELEMENT_BYTES * 2)?;
        let mut map = Map::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.evaluate(key)?;
            let key = self.text_of(&key)?;
            let value = self.evaluate(value)?.kept();
            map.insert(key, value);
        }
        Ok(self.heap.new_map(map))
    }

    fn chain(
        &mut self,
        first: &'a Expression,
        rest: &'a [(Operator, Expression)],
    ) -> Rendered<Value<'a>> {
        let is_logical = matches!(rest.first(), Some((Operator::And | Operator::Or, _)));
        if is_logical {
            return self.logical(first, rest).map(Value::Bool);
        }
        let mut left = self.evaluate(first)?;
        for (operator, right) in rest {
            self.spend(1)?;
            let right = self.evaluate(right)?;
            left = self.operate(*operator, &left, &right)?;
        }
        Ok(left)
    }

    fn logical(
        &mut self,
        first: &'a Expression,
        rest: &'a [(Operator, Expression)],
    ) -> Rendered<bool> {
        let mut left = self.is_true(first)?;
        for (operator, right) in rest {
            self.spend(1)?;
            let is_decided = left == (*operator == Operator::Or);
            if is_decided {
                return Ok(left);
            }
            left = self.is_true(right)?;
        }
        Ok(left)
    }

    fn operate(
        &mut self,
        operator: Operator,
        left: &Value<'a>,
        right: &Value<'a>,
    ) -> Rendered<Value<'a>> {
        let ordered = |accepted: &[Ordering]| {
            let order = number::compare(left, right);
            Value::Bool(order.is_some_and(|order| accepted.contains(&order)))
        };
        Ok(match operator {
            Operator::Equal => Value::Bool(self.equal(left, right)?),
            Operator::Unequal => Value::Bool(!self.equal(left, right)?),
            Operator::Less => ordered(&[Ordering::Less]),
            Operator::LessEqual => ordered(&[Ordering::Less, Ordering::Equal]),
            Operator::Greater => ordered(&[Ordering::Greater]),
            Operator::GreaterEqual => ordered(&[Ordering::Greater, Ordering::Equal]),
            Operator::Add if is_text(left) || is_text(right) => {
                let left = self.text_of(left)?;
                let right = self.text_of(right)?;
                self.charge(left.as_str().len() + right.as_str().len())?;
                Value::made([left.as_str(), right.as_str()].concat())
            }
            // A logical chain never comes here; anything else is arithmetic.
            _ => number::compute(operator, left, right).unwrap_or(Value::Null),
        })
    }

    /// `==`: numbers by value, everything else by what it prints.
    pub(in crate::vtl) fn equal(&mut self, left: &Value<'a>, right: &Value<'a>) -> Rendered<bool> {
        if let Some(order) = number::compare(left, right) {
            return Ok(order == Ordering::Equal);
        }
        let left: Text<'a> = self.text_of(left)?;
        let right = self.text_of(right)?;
        Ok(left == right)
    }
}

/// Nothing is an empty text here.
const fn is_text(value: &Value<'_>) -> bool {
    matches!(value, Value::Text(_) | Value::Null)
}
