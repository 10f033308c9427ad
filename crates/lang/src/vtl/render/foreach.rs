//! Loops: what can be gone over, and one round after the other.

use serde_json::Value as Json;

use super::{Flow, Loop, Rendered, Renderer};
use crate::vtl::{
    tree::{Expression, Node, Slot},
    value::{ListId, MapId, Value},
};

/// What a `#foreach` goes over.
enum Source<'a> {
    List(ListId),
    Map(MapId),
    Array(&'a [Json]),
    Object(serde_json::map::Values<'a>),
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
            Value::Json(Json::Array(items)) => Source::Array(items),
            Value::Json(Json::Object(entries)) => Source::Object(entries.values()),
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
                Some((Value::json(items.get(index)?), index + 1 >= items.len()))
            }
            Source::Object(values) => {
                let value = values.next()?;
                Some((Value::json(value), values.len() == 0))
            }
            Source::Nothing => None,
        }
    }
}
