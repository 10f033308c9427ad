//! Replacing and splitting, as `String.replaceAll`, `replaceFirst` and `split` do it.

use fancy_regex::{Captures, Regex};

use super::Pattern;

/// Most work of a call, as searches times bytes that each could look at. Patterns without
/// unbounded quantifiers, alternatives and look-around are not counted: their searches look at
/// little more than they move on.
pub const SEARCH_COST_MAX: usize = 1 << 30;

/// Why a text was not replaced or split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplaceError {
    /// The pattern takes too long on this text.
    #[error("regular expression takes too long")]
    Cost,
    /// The result would be larger than the caller allows.
    #[error("result of a replacement is too large")]
    Output,
    /// The replacement names a group that is not there, or ends in `\` or `$`.
    #[error("replacement is not valid")]
    Replacement,
}

/// A replacement, read once per call.
enum Piece<'a> {
    Text(String),
    Group(usize),
    Named(&'a str),
}

/// A search through a text.
struct Search<'a> {
    regex: &'a Regex,
    text: &'a str,
    at: usize,
    cost: Option<usize>,
}

// === impl Search ===

impl<'a> Search<'a> {
    /// The next match. As in Java, an empty one may follow right behind one that is not.
    fn next(&mut self) -> Result<Option<Captures<'a, str>>, ReplaceError> {
        if self.at > self.text.len() {
            return Ok(None);
        }
        if let Some(left) = &mut self.cost {
            let most = self.text.len() - self.at;
            *left = left.checked_sub(most).ok_or(ReplaceError::Cost)?;
        }
        let found = self
            .regex
            .captures_from_pos(self.text, self.at)
            .map_err(|_| ReplaceError::Cost)?;
        let Some(found) = found else {
            return Ok(None);
        };
        let Some(whole) = found.get(0) else {
            return Ok(None);
        };
        self.at = whole.end();
        if whole.start() == whole.end() {
            let rest = self.text.get(self.at..).unwrap_or_default();
            self.at += rest.chars().next().map_or(1, char::len_utf8);
        }
        Ok(Some(found))
    }
}

impl Pattern {
    /// Every match replaced; at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`ReplaceError`].
    pub fn replace_all(
        &self,
        text: &str,
        replacement: &str,
        bytes_max: usize,
    ) -> Result<String, ReplaceError> {
        self.replace(text, replacement, bytes_max, usize::MAX)
    }

    /// The first match replaced; at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`ReplaceError`].
    pub fn replace_first(
        &self,
        text: &str,
        replacement: &str,
        bytes_max: usize,
    ) -> Result<String, ReplaceError> {
        self.replace(text, replacement, bytes_max, 1)
    }

    /// The parts of a text between matches, as `String.split(regex, limit)`: at most `limit` parts
    /// if it is positive, all of them if it is negative, and all but empty ones at the end if it
    /// is 0. At most `parts_max` parts.
    ///
    /// # Errors
    /// [`ReplaceError`].
    pub fn split<'a>(
        &'a self,
        text: &'a str,
        limit: i64,
        parts_max: usize,
    ) -> Result<Vec<&'a str>, ReplaceError> {
        let mut search = self.search(text)?;
        let most = usize::try_from(limit).ok().filter(|limit| *limit > 0);
        let (mut parts, mut from) = (Vec::new(), 0);
        while most.is_none_or(|most| parts.len() + 1 < most) {
            let Some(found) = search.next()? else {
                break;
            };
            let Some(whole) = found.get(0) else {
                break;
            };
            // An empty match at the start makes no empty part, and one at the end none either.
            if whole.end() == 0 || whole.start() == text.len() && whole.end() == whole.start() {
                continue;
            }
            if parts.len() + 1 >= parts_max {
                return Err(ReplaceError::Output);
            }
            parts.push(text.get(from..whole.start()).unwrap_or_default());
            from = whole.end();
        }
        if parts.is_empty() {
            return Ok(vec![text]);
        }
        parts.push(text.get(from..).unwrap_or_default());
        if limit == 0 {
            while parts.last().is_some_and(|part| part.is_empty()) {
                parts.pop();
            }
        }
        Ok(parts)
    }

    fn replace(
        &self,
        text: &str,
        replacement: &str,
        bytes_max: usize,
        times: usize,
    ) -> Result<String, ReplaceError> {
        let mut search = self.search(text)?;
        let pieces = pieces(replacement, search.regex.captures_len())?;
        let (mut out, mut from) = (String::new(), 0);
        for _ in 0..times {
            let Some(found) = search.next()? else {
                break;
            };
            let Some(whole) = found.get(0) else {
                break;
            };
            out.push_str(text.get(from..whole.start()).unwrap_or_default());
            from = whole.end();
            for piece in &pieces {
                out.push_str(match piece {
                    Piece::Text(text) => text,
                    Piece::Group(index) => found.get(*index).map_or("", |group| group.as_str()),
                    Piece::Named(name) => found.name(name).map_or("", |group| group.as_str()),
                });
            }
            if out.len() > bytes_max {
                return Err(ReplaceError::Output);
            }
        }
        out.push_str(text.get(from..).unwrap_or_default());
        if out.len() > bytes_max {
            return Err(ReplaceError::Output);
        }
        Ok(out)
    }

    fn search<'a>(&'a self, text: &'a str) -> Result<Search<'a>, ReplaceError> {
        Ok(Search {
            regex: self.anywhere().ok_or(ReplaceError::Cost)?,
            text,
            at: 0,
            cost: (!self.is_linear).then_some(self.search_cost),
        })
    }
}

/// `$1`, `${name}` and `\x` of a replacement. `groups` counts the whole match too.
fn pieces(replacement: &str, groups: usize) -> Result<Vec<Piece<'_>>, ReplaceError> {
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    let mut rest = replacement;
    while let Some(one) = rest.chars().next() {
        rest = rest.get(one.len_utf8()..).unwrap_or_default();
        match one {
            '\\' => {
                let quoted = rest.chars().next().ok_or(ReplaceError::Replacement)?;
                plain.push(quoted);
                rest = rest.get(quoted.len_utf8()..).unwrap_or_default();
            }
            '$' => {
                let (piece, behind) = group(rest, groups)?;
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(piece);
                rest = behind;
            }
            other => plain.push(other),
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

fn group(rest: &str, groups: usize) -> Result<(Piece<'_>, &str), ReplaceError> {
    if let Some(inside) = rest.strip_prefix('{') {
        let (name, behind) = inside.split_once('}').ok_or(ReplaceError::Replacement)?;
        return Ok((Piece::Named(name), behind));
    }
    // One digit must be a group; further ones belong to it as long as there is such a group.
    let (mut index, mut length) = (0_usize, 0);
    for digit in rest.chars().map_while(|one| one.to_digit(10)) {
        let next = index * 10 + digit as usize;
        if next >= groups {
            break;
        }
        index = next;
        length += 1;
    }
    if length == 0 {
        return Err(ReplaceError::Replacement);
    }
    Ok((Piece::Group(index), rest.get(length..).unwrap_or_default()))
}
