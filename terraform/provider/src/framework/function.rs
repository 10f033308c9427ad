//! Functions: pure, from values to a value, called as `provider::edgeway::NAME(..)`.

use crate::cty::{Type, Value};

/// A parameter of a function; it is never null or unknown.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) ty: Type,
    pub(crate) description: &'static str,
}

/// How a function is called.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) parameters: Vec<Parameter>,
    /// Whether the last parameter takes any number of arguments.
    pub(crate) variadic: bool,
    pub(crate) returns: Type,
}

/// Why a function has no answer, and which argument is to blame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misused {
    pub(crate) text: String,
    pub(crate) argument: Option<usize>,
}

impl Misused {
    pub(crate) fn argument(at: usize, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            argument: Some(at),
        }
    }
}

/// A function of the provider.
pub(crate) trait Function: Send + Sync {
    fn name(&self) -> &'static str;
    fn signature(&self) -> Signature;
    /// There are as many arguments as parameters, or more if it is variadic, each of its type.
    fn call(&self, arguments: &[Value]) -> Result<Value, Misused>;
}
