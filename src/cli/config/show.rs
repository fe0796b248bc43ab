//! `veritar config show`: what holds, and who said so.
//!
//! Promises: the output is a configuration itself, with a comment behind each value; secrets are named by their files only.

use std::io::Write;

use super::{Config, KEYS, Kind, LIMIT_ENV, SEVERITY_ENV, listed};
use crate::cli::args::ConfigCommand;
use crate::cli::exit::{Exit, Trouble};
use crate::cli::{output, plan};
use crate::code;
use crate::limits::Limits;
use crate::report::{escaped, json};

pub(in crate::cli) fn run(command: &ConfigCommand) -> Result<Exit, Trouble> {
    let ConfigCommand::Show = command;
    let config = Config::read()?;
    // What is wrong in the environment is wrong here, too.
    plan::limits(&listed(LIMIT_ENV).collect::<Vec<_>>())?;
    plan::severities(&listed(SEVERITY_ENV).collect::<Vec<_>>())?;
    let mut out = output::standard();
    show(&mut out, &config).and_then(|()| out.flush()).map_err(|error| Trouble::output(&error))?;
    Ok(Exit::Pass)
}

fn show(out: &mut dyn Write, config: &Config) -> std::io::Result<()> {
    writeln!(out, "# Flags come before all this. Files, the nearest first:")?;
    for (path, is_there) in &config.places {
        let found = if *is_there { "read" } else { "not there" };
        writeln!(out, "#   {} ({found})", escaped(path.as_os_str().as_encoded_bytes()))?;
    }
    for key in KEYS {
        let (values, from) = effective(config, key.name, key.env, key.default);
        let value = match (key.kind, values.first()) {
            (Kind::Threads, None) => {
                let threads = std::thread::available_parallelism().map_or(1, usize::from);
                row(out, key.name, &threads.to_string(), "default: as many as there are processors")?;
                continue;
            }
            (Kind::Threads, Some(number)) => number.clone(),
            // The one that takes after another: digests of the archive file are those of the members.
            (Kind::Digests, None) => {
                let of = KEYS.iter().find(|key| key.name == "hash");
                let (of, _) = of.map(|of| effective(config, of.name, of.env, of.default)).unwrap_or_default();
                row(out, key.name, &quoted(of.first().map_or("sha256", String::as_str))?, "default: as hash")?;
                continue;
            }
            (kind, Some(first)) if !kind.is_list() => quoted(first)?,
            _ => {
                let all = values.iter().map(|value| quoted(value)).collect::<std::io::Result<Vec<_>>>()?;
                format!("[{}]", all.join(", "))
            }
        };
        row(out, key.name, &value, &from)?;
    }
    writeln!(out, "\n[severity]")?;
    for code in code::ALL {
        let typed =
            listed(SEVERITY_ENV).filter_map(|one| one.strip_prefix(code.id)?.strip_prefix('=').map(str::to_owned));
        let found = typed.last().map(|word| (word, variable(SEVERITY_ENV))).or_else(|| {
            let set =
                |layer: &super::Layer| layer.severity.iter().find(|(known, _)| *known == *code).map(|(_, word)| *word);
            config.layers.iter().find_map(|layer| Some((set(layer)?.as_str().to_owned(), of(layer))))
        });
        if let Some((word, from)) = found {
            row(out, &quoted(code.id)?, &quoted(&word)?, &from)?;
        }
    }
    writeln!(out, "\n[limits]")?;
    for (name, default, _) in Limits::ALL {
        let typed = listed(LIMIT_ENV).filter_map(|one| one.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
        let found = typed.last().map(|value| (value, variable(LIMIT_ENV))).or_else(|| {
            let set = |layer: &super::Layer| {
                layer.limits.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            };
            config.layers.iter().find_map(|layer| Some((set(layer)?, of(layer))))
        });
        let (value, from) = found.unwrap_or_else(|| (default.to_string(), "default".to_owned()));
        let value = plan::number(&value).unwrap_or(*default);
        row(out, name, &value.to_string(), &from)?;
    }
    Ok(())
}

/// What a key holds, and who said so.
fn effective(config: &Config, name: &str, env: &str, default: &[&str]) -> (Vec<String>, String) {
    if let Some(value) = std::env::var_os(env) {
        return (vec![value.to_string_lossy().into_owned()], variable(env));
    }
    let found = config.layers.iter().find_map(|layer| Some((layer.values.get(name)?.clone(), of(layer))));
    found.unwrap_or_else(|| (default.iter().map(|value| (*value).to_owned()).collect(), "default".to_owned()))
}

fn variable(name: &str) -> String {
    format!("environment {name}")
}

fn of(layer: &super::Layer) -> String {
    escaped(layer.path.as_os_str().as_encoded_bytes()).to_string()
}

/// A string as TOML and JSON both write it.
fn quoted(text: &str) -> std::io::Result<String> {
    let mut out = Vec::new();
    json::write(&mut out, &text)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn row(out: &mut dyn Write, name: &str, value: &str, from: &str) -> std::io::Result<()> {
    writeln!(out, "{:<40} # {from}", format!("{name} = {value}"))
}
