//! The renderer: walks a tree for one call. Every piece costs a step, every text made counts
//! against a budget, and every descent is counted, so that nothing runs or grows without end.

mod documents;
mod evaluate;
mod foreach;
mod native;
mod reference;

use std::cell::OnceCell;

use super::{
    Inputs, Limits, Overrides, RenderError,
    overrides::Target,
    print::{Bounds, Printer},
    tree::{Expression, Macro, Node, Slot, Tree},
    value::{Heap, Text, Value},
};
use crate::json::{Document, View};
use documents::Documents;

/// Renders a tree.
pub(super) fn render(
    tree: &Tree,
    inputs: &Inputs<'_>,
    overrides: &mut Overrides,
) -> Result<String, RenderError> {
    let (documents, body) = (Documents::default(), OnceCell::new());
    let mut renderer = Renderer::new(tree, *inputs, overrides, &documents, &body);
    renderer.nodes(&tree.nodes)?;
    Ok(renderer.out)
}

/// What one rendering has in hand.
pub(super) struct Renderer<'a, 'o> {
    tree: &'a Tree,
    pub(super) inputs: Inputs<'a>,
    overrides: &'o mut Overrides,
    /// Overrides that this template has set: each may be set once.
    overridden: Vec<(Option<Target>, String)>,
    pub(super) heap: Heap<'a>,
    variables: Vec<Option<Value<'a>>>,
    loops: Vec<Loop>,
    blocks: Vec<&'a [Node]>,
    out: String,
    steps: u64,
    memory: usize,
    depth: u32,
    documents: &'a Documents,
    /// The body, once it has been read.
    body: &'a OnceCell<Document<'a>>,
    context: Option<View<'a>>,
    parameters: Option<Value<'a>>,
    stage_variables: Option<Value<'a>>,
}

/// Where a `#foreach` is.
#[derive(Debug, Clone, Copy)]
struct Loop {
    index: usize,
    is_last: bool,
    is_stopped: bool,
}

/// What follows a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Stop,
}

type Rendered<T> = Result<T, RenderError>;

impl<'a, 'o> Renderer<'a, 'o> {
    fn new(
        tree: &'a Tree,
        inputs: Inputs<'a>,
        overrides: &'o mut Overrides,
        documents: &'a Documents,
        body: &'a OnceCell<Document<'a>>,
    ) -> Self {
        let Limits {
            steps,
            memory_bytes,
            output_bytes,
            ..
        } = inputs.limits;
        Self {
            tree,
            inputs,
            overrides,
            overridden: Vec::new(),
            heap: Heap::default(),
            variables: vec![None; tree.slots],
            loops: Vec::new(),
            blocks: Vec::new(),
            out: String::with_capacity(tree.source_bytes.min(output_bytes)),
            steps,
            memory: memory_bytes,
            depth: 0,
            documents,
            body,
            context: None,
            parameters: None,
            stage_variables: None,
        }
    }

    /// Pays for work.
    pub(super) const fn spend(&mut self, steps: u64) -> Rendered<()> {
        match self.steps.checked_sub(steps) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(RenderError::Steps(self.inputs.limits.steps)),
        }
    }

    /// Pays for parts of a document that are passed on the way to one of them.
    pub(super) const fn pass(&mut self, parts: usize) -> Rendered<()> {
        /// Parts that are passed for one step.
        const PARTS_PER_STEP: usize = 16;
        self.spend((parts / PARTS_PER_STEP) as u64)
    }

    /// How many steps may still be taken.
    pub(super) const fn steps_left(&self) -> u64 {
        self.steps
    }

    /// How much may still be made.
    pub(super) const fn memory_left(&self) -> usize {
        self.memory
    }

    /// Pays for memory that is made.
    pub(super) const fn charge(&mut self, bytes: usize) -> Rendered<()> {
        match self.memory.checked_sub(bytes) {
            Some(left) => {
                self.memory = left;
                Ok(())
            }
            None => Err(RenderError::Memory(self.inputs.limits.memory_bytes)),
        }
    }

    const fn deeper(&mut self) -> Rendered<()> {
        if self.depth >= self.inputs.limits.depth {
            return Err(RenderError::Depth(self.inputs.limits.depth));
        }
        self.depth += 1;
        self.spend(1)
    }

    fn push(&mut self, text: &str) -> Rendered<()> {
        let limit = self.inputs.limits.output_bytes;
        if self.out.len() + text.len() > limit {
            return Err(RenderError::Output(limit));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn nodes(&mut self, nodes: &'a [Node]) -> Rendered<Flow> {
        self.deeper()?;
        for node in nodes {
            let flow = self.node(node)?;
            if flow != Flow::Next {
                self.depth -= 1;
                return Ok(flow);
            }
        }
        self.depth -= 1;
        Ok(Flow::Next)
    }

    fn node(&mut self, node: &'a Node) -> Rendered<Flow> {
        self.spend(1)?;
        match node {
            Node::Text(text) => self.push(text)?,
            Node::Reference(reference) => {
                let value = self.reference(reference)?;
                self.print(&value)?;
            }
            Node::Set { target, value } => {
                let value = self.evaluate(value)?;
                self.assign(target, value)?;
            }
            Node::If { arms, otherwise } => return self.conditional(arms, otherwise),
            Node::Foreach { item, source, body } => return self.foreach(*item, source, body),
            Node::Define { slot, body } => {
                self.blocks.push(body);
                self.assign_slot(*slot, Value::Block(self.blocks.len() - 1));
            }
            Node::Call {
                called,
                arguments,
                body,
            } => return self.call(*called, arguments, body),
            Node::Break => return Ok(Flow::Break),
            Node::Stop => return Ok(Flow::Stop),
        }
        Ok(Flow::Next)
    }

    /// Prints a value into the text.
    fn print(&mut self, value: &Value<'a>) -> Rendered<()> {
        match value {
            Value::Null => Ok(()),
            Value::Text(text) => self.push(text.as_str()),
            Value::Block(number) => {
                let block = self.blocks.get(*number).copied().unwrap_or_default();
                // `#break` ends the block it is in, and `#stop` here no more than that.
                self.nodes(block).map(|_flow| ())
            }
            _ => {
                let bytes = self.inputs.limits.output_bytes;
                let bounds = Bounds {
                    bytes,
                    depth: self.inputs.limits.depth,
                };
                let depth = self.depth;
                Printer {
                    heap: &self.heap,
                    text: &mut self.out,
                    bounds,
                    depth,
                }
                .java(value)
            }
        }
    }

    /// The value as a text, as it would print.
    pub(super) fn text_of(&mut self, value: &Value<'a>) -> Rendered<Text<'a>> {
        match value {
            Value::Null => Ok(Text::Borrowed("")),
            Value::Bool(true) => Ok(Text::Borrowed("true")),
            Value::Bool(false) => Ok(Text::Borrowed("false")),
            Value::Text(text) => Ok(text.clone()),
            _ => self
                .aside(|renderer| renderer.print(value))
                .map(|text| Text::Made(text.into())),
        }
    }

    /// What `write` prints, instead of in the output.
    fn aside(&mut self, write: impl FnOnce(&mut Self) -> Rendered<()>) -> Rendered<String> {
        let out = std::mem::take(&mut self.out);
        let written = write(self);
        let text = std::mem::replace(&mut self.out, out);
        written?;
        self.charge(text.len())?;
        Ok(text)
    }

    /// The value as JSON text.
    pub(super) fn json_of(&mut self, value: &Value<'a>) -> Rendered<Value<'a>> {
        let mut text = String::new();
        let bounds = Bounds {
            bytes: self.inputs.limits.output_bytes.min(self.memory),
            depth: self.inputs.limits.depth,
        };
        let depth = self.depth;
        Printer {
            heap: &self.heap,
            text: &mut text,
            bounds,
            depth,
        }
        .json(value)?;
        self.charge(text.len())?;
        Ok(Value::made(text))
    }

    fn conditional(
        &mut self,
        arms: &'a [(Expression, Vec<Node>)],
        otherwise: &'a [Node],
    ) -> Rendered<Flow> {
        for (condition, nodes) in arms {
            if self.is_true(condition)? {
                return self.nodes(nodes);
            }
        }
        self.nodes(otherwise)
    }

    fn call(
        &mut self,
        called: usize,
        arguments: &'a [Expression],
        body: &'a [Node],
    ) -> Rendered<Flow> {
        let Some(Macro {
            parameters,
            body: nodes,
            ..
        }) = self.tree.macros.get(called)
        else {
            return Ok(Flow::Next);
        };
        let mut values = Vec::with_capacity(parameters.len() + 1);
        for (number, parameter) in parameters.iter().enumerate() {
            let value = match arguments.get(number) {
                Some(argument) => self.evaluate(argument)?,
                None => Value::Null,
            };
            values.push((*parameter, value.kept()));
        }
        if !body.is_empty() {
            self.blocks.push(body);
            values.push((Slot::BODY_CONTENT, Value::Block(self.blocks.len() - 1)));
        }
        let mut saved = Vec::with_capacity(values.len());
        for (slot, value) in values {
            saved.push((slot, self.variable(slot)));
            self.assign_slot(slot, value);
        }
        let flow = self.nodes(nodes)?;
        for (slot, value) in saved.into_iter().rev() {
            if let Some(variable) = self.variables.get_mut(slot.index()) {
                *variable = value;
            }
        }
        Ok(if flow == Flow::Stop {
            Flow::Stop
        } else {
            Flow::Next
        })
    }

    fn variable(&self, slot: Slot) -> Option<Value<'a>> {
        self.variables.get(slot.index()).cloned().flatten()
    }

    fn assign_slot(&mut self, slot: Slot, value: Value<'a>) {
        if let Some(variable) = self.variables.get_mut(slot.index()) {
            *variable = Some(value);
        }
    }
}
