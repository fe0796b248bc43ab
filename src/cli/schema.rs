//! `veritar schema`.

use std::io::Write as _;

use super::args::{Schema, SchemaOf};
use super::exit::{Exit, Trouble};
use super::output;
use crate::produce::receipt::Receipt;
use crate::report::{json, schema};

pub(super) fn run(args: &Schema) -> Result<Exit, Trouble> {
    let document = match args.what {
        SchemaOf::Rules => schema::rules().map_err(|error| Trouble::output(&error.into()))?,
        SchemaOf::Report => schema::report(),
        SchemaOf::Receipt => Receipt::schema(),
    };
    let mut out = output::buffered();
    let written =
        json::write_pretty(&mut out, &document).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    written.map_err(|error| Trouble::output(&error))?;
    Ok(Exit::Pass)
}
