//! Expressions, by rising strength: `||`, `&&`, `==` `!=`, `<` `<=` `>` `>=`, `+` `-`,
//! `*` `/` `%`, `!`. Words may be written for signs: `or and eq ne lt le gt ge not`.

use super::{Parsed, Parser};
use crate::vtl::tree::{Expression, Operator};

/// Operators of one strength, longest first.
type Level = &'static [(&'static str, Operator)];

const LEVELS: [Level; 6] = [
    &[("||", Operator::Or), ("or", Operator::Or)],
    &[("&&", Operator::And), ("and", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("eq", Operator::Equal),
        ("ne", Operator::Unequal),
    ],
    &[
        ("<=", Operator::LessEqual),
        (">=", Operator::GreaterEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("le", Operator::LessEqual),
        ("ge", Operator::GreaterEqual),
        ("lt", Operator::Less),
        ("gt", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
        ("%", Operator::Remainder),
    ],
];

impl Parser<'_, '_> {
    /// An expression with the blanks around it.
    pub(super) fn expression(&mut self) -> Parsed<Expression> {
        self.deeper()?;
        let expression = self.level(0)?;
        self.skip_space();
        self.scope.depth -= 1;
        Ok(expression)
    }

    /// An expression whose operators are of this strength or stronger.
    fn level(&mut self, level: usize) -> Parsed<Expression> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let first = self.level(level + 1)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(operators) {
            rest.push((operator, self.level(level + 1)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Expression::Chain(Box::new(first), rest))
    }

    fn operator(&mut self, operators: Level) -> Option<Operator> {
        let start = self.at;
        self.skip_space();
        for (sign, operator) in operators {
            if self.take_sign(sign) {
                return Some(*operator);
            }
        }
        self.at = start;
        None
    }

    /// Takes a sign, or a word that ends there.
    fn take_sign(&mut self, sign: &str) -> bool {
        let is_word = sign.starts_with(|c: char| c.is_ascii_alphabetic());
        let next = self.peek_at(sign.len());
        if is_word && next.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return false;
        }
        self.take(sign)
    }

    fn unary(&mut self) -> Parsed<Expression> {
        self.skip_space();
        self.deeper()?;
        let expression = if self.take("!") || self.take_sign("not") {
            Expression::Not(Box::new(self.unary()?))
        } else if self.peek() == Some(b'-') && !self.peek_at(1).is_some_and(is_number_start) {
            self.at += 1;
            Expression::Negative(Box::new(self.unary()?))
        } else {
            self.primary()?
        };
        self.scope.depth -= 1;
        Ok(expression)
    }

    /// A value without an operator.
    pub(super) fn primary(&mut self) -> Parsed<Expression> {
        self.skip_space();
        match self.peek() {
            Some(b'"' | b'\'') => self.string(),
            Some(b'$') => match self.reference()? {
                Some(reference) => Ok(Expression::Reference(Box::new(reference))),
                None => Err(self.fail("a name must follow the dollar sign here".to_owned())),
            },
            Some(b'(') => {
                self.at += 1;
                let inner = self.expression()?;
                self.expect(")", "expression")?;
                Ok(inner)
            }
            Some(b'[') => self.list(),
            Some(b'{') => self.map(),
            Some(byte) if is_number_start(byte) || byte == b'-' => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Parsed<Expression> {
        for (word, value) in [
            ("true", Expression::Bool(true)),
            ("false", Expression::Bool(false)),
            ("null", Expression::Null),
        ] {
            if self.take_sign(word) {
                return Ok(value);
            }
        }
        let found = match self.rest().chars().next() {
            Some(char) => format!("{char:?}"),
            None => "the end".to_owned(),
        };
        Err(self.fail(format!("a value is needed here, not {found}")))
    }

    fn number(&mut self) -> Parsed<Expression> {
        let start = self.at;
        self.take("-");
        self.take_while(|byte| byte.is_ascii_digit());
        let mut is_integer = true;
        // Two dots are a range.
        if self.peek() == Some(b'.') && self.peek_at(1) != Some(b'.') {
            self.at += 1;
            self.take_while(|byte| byte.is_ascii_digit());
            is_integer = false;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.peek_at(1), Some(b'+' | b'-')));
            if self
                .peek_at(1 + sign)
                .is_some_and(|byte| byte.is_ascii_digit())
            {
                self.at += 1 + sign;
                self.take_while(|byte| byte.is_ascii_digit());
                is_integer = false;
            }
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        if is_integer && let Ok(number) = digits.parse() {
            return Ok(Expression::Int(number));
        }
        match digits.parse::<f64>() {
            Ok(number) => Ok(Expression::Double(number)),
            Err(_) => Err(self.fail(format!("{digits:?} is not a number"))),
        }
    }

    fn list(&mut self) -> Parsed<Expression> {
        self.expect("[", "list")?;
        self.skip_space();
        let mut items = Vec::new();
        if self.take("]") {
            return Ok(Expression::List(items));
        }
        let first = self.expression()?;
        if self.take("..") {
            let last = self.expression()?;
            self.expect("]", "range")?;
            return Ok(Expression::Range(Box::new((first, last))));
        }
        items.push(first);
        while self.take(",") {
            items.push(self.expression()?);
        }
        self.expect("]", "list")?;
        Ok(Expression::List(items))
    }

    fn map(&mut self) -> Parsed<Expression> {
        self.expect("{", "map")?;
        self.skip_space();
        let mut entries = Vec::new();
        if self.take("}") {
            return Ok(Expression::Map(entries));
        }
        loop {
            let key = self.expression()?;
            self.expect(":", "map")?;
            entries.push((key, self.expression()?));
            if !self.take(",") {
                break;
            }
        }
        self.expect("}", "map")?;
        Ok(Expression::Map(entries))
    }
}

const fn is_number_start(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.'
}
