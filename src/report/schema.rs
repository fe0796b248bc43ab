//! JSON Schemas (draft 2020-12) of what people write and what programs read: rule files, and the report.
//!
//! Promises: the words in them are those of the code: kinds, probes, codes of findings. Refuses to know: who validates,
//! and what others than reports write.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::json::Document;
use crate::code::{self, Severity};
use crate::entry::EntryKind;
use crate::probe;

/// The schema of rule files, with TOML read as JSON.
///
/// # Errors
/// The text of the schema is none: a defect of veritar.
pub fn rules() -> serde_json::Result<Value> {
    let mut schema: Value = serde_json::from_str(include_str!("../../rules/schema.json"))?;
    let words = [
        ("kind", EntryKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>()),
        ("probe-name", probe::ALL.iter().map(|kind| kind.name).collect()),
        ("code", code::ALL.iter().map(|code| code.id).collect()),
        ("severity", Severity::ALL.iter().map(|severity| severity.as_str()).collect()),
    ];
    for (name, words) in words {
        if let Some(definition) = schema.pointer_mut(&format!("/$defs/{name}")) {
            *definition = json!({ "enum": words });
        }
    }
    Ok(schema)
}

/// The schema of the JSON report, version 1. Within a version fields are added: what is not in it is no error.
#[must_use]
pub fn report() -> Value {
    of::<Document<'static>>()
}

/// The schema of what is written of a `T`.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>().into()
}
