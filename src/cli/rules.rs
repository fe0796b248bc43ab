//! `veritar rules`.

use std::io::Write as _;

use super::args::{Rules, RulesCommand};
use super::exit::{Exit, Trouble};
use super::{cases, output, plan, rules_init};
use crate::limits::Limits;
use crate::report::escaped;
use crate::rule::catalog;

pub(super) fn run(args: &Rules) -> Result<Exit, Trouble> {
    if let RulesCommand::Test(args) = &args.command {
        return cases::run(args);
    }
    if let RulesCommand::Init(args) = &args.command {
        return rules_init::run(args);
    }
    let mut out = output::standard();
    let mut worst = Exit::Pass;
    let written = match &args.command {
        RulesCommand::Test(_) | RulesCommand::Init(_) => Ok(()),
        RulesCommand::List => catalog::all()
            .iter()
            .try_for_each(|set| writeln!(out, "{:<12} {:<6} {}", set.id(), set.product(), set.title())),
        RulesCommand::Show { id } if id == "template" => out.write_all(catalog::TEMPLATE.as_bytes()),
        RulesCommand::Show { id } => out.write_all(plan::rule_set(id, &Limits::default())?.text().as_bytes()),
        RulesCommand::Check { files } => {
            files.iter().try_for_each(|file| match plan::rule_file(file, &Limits::default()) {
                Ok(set) => {
                    let (file, id) = (escaped(file.as_os_str().as_encoded_bytes()).to_string(), set.id());
                    writeln!(out, "{file}: good ({id}, {} rules)", set.rule_ids().count())
                }
                Err(trouble) => {
                    trouble.print();
                    worst = trouble.exit();
                    Ok(())
                }
            })
        }
    };
    written.and_then(|()| out.flush()).map_err(|error| Trouble::output(&error))?;
    Ok(worst)
}
