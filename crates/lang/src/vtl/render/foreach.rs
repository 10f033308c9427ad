//! Loops: what can be gone over, and one round after the other.

use super::{Flow, Loop, Rendered, Renderer};
use crate::json::{Entries, Items};
use crate::vtl::{
    tree::{Expression, Node, Slot},
    value::{ListId, MapId, Value},
};

/// What a `#foreach` goes over.
enum Source<'a> {
    List(ListId),
    Map(MapId),
    Array(Items<'a>),
    Object(Entries<'a>),
    Nothing,
}

impl<'a> Renderer<'a, '_> {
    pub(super) fn foreach(
        &mut self,
        item: Slot,
        source: &'a Expression,
        body: &'a [Node],
    ) -> Rendered<Flow> {
        let source = self.evaluate(source)?;
        let mut source = self.source(source);
        let saved = self.variable(item);
        self.loops.push(Loop {
            index: 0,
            is_last: false,
            is_stopped: false,
        });
        let mut ending = Flow::Next;
        for index in 0..self.inputs.limits.foreach_rounds {
            let Some((value, is_last)) = self.next_of(&mut source, index) else {
                break;
            };
            if let Some(state) = self.loops.last_mut() {
                *state = Loop {
                    index,
                    is_last,
                    is_stopped: false,
                };
            }
            self.assign_slot(item, value);
            let flow = self.nodes(body)?;
            if flow == Flow::Stop {
                ending = Flow::Stop;
            }
            if flow != Flow::Next || self.loops.last().is_some_and(|state| state.is_stopped) {
                break;
            }
        }
        self.loops.pop();
        if let Some(variable) = self.variables.get_mut(item.index()) {
            *variable = saved;
        }
        Ok(ending)
    }

    fn source(&self, value: Value<'a>) -> Source<'a> {
        match self.heap.current(value) {
            Value::List(id) => Source::List(id),
            Value::Map(id) => Source::Map(id),
            Value::Json(json) if json.is_array() => Source::Array(json.items()),
            Value::Json(json) => Source::Object(json.entries()),
            _ => Source::Nothing,
        }
    }

    /// The element at `index`, which rises by one with each call, and whether it is the last.
    fn next_of(&self, source: &mut Source<'a>, index: usize) -> Option<(Value<'a>, bool)> {
        match source {
            Source::List(id) => {
                let items = &self.heap.list(*id).items;
                Some((items.get(index)?.clone(), index + 1 >= items.len()))
            }
            Source::Map(id) => {
                let map = self.heap.map(*id);
                Some((map.get_index(index)?.1.clone(), index + 1 >= map.len()))
            }
            Source::Array(items) => {
                let item = items.next()?;
                Some((Value::json(item), items.is_over()))
            }
            Source::Object(entries) => {
                let (_, value) = entries.next()?;
                Some((Value::json(value), entries.is_over()))
            }
            Source::Nothing => None,
        }
    }
}
