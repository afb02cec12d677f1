//! What functions can ask greenroom for: the calls that `docs/PROTOCOL.md` lists.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::protocol::{self, Call, Frame};
use crate::context::Context;
use crate::library::daemon::Daemons;
use crate::library::runcmd::{self, Runcmd};
use crate::registry::Registry;
use crate::step::Stream;
use crate::step::{Captures, Failure};

/// The arguments of a call, by name.
struct Arguments<'a>(&'a Map<String, Value>);

impl Arguments<'_> {
    fn text(&self, name: &str) -> Result<&str, Failure> {
        self.option(name)?.ok_or_else(|| Failure::new(format!("the call lacks `{name}`")))
    }

    fn option(&self, name: &str) -> Result<Option<&str>, Failure> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Failure::new(format!("`{name}` of the call is not a text"))),
        }
    }

    fn words(&self, name: &str) -> Result<Vec<String>, Failure> {
        let wrong = || Failure::new(format!("`{name}` of the call is not a list of texts"));
        let words = self.0.get(name).and_then(Value::as_array).ok_or_else(wrong)?;
        words.iter().map(|word| word.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, Failure> {
        let decode =
            |text| STANDARD.decode(text).map_err(|error| Failure::new(format!("`{name}` of the call: {error}")));
        self.option(name)?.map_or(Ok(Vec::new()), decode)
    }
}

/// Applies a host's changes to its environment and working directory to the scenario.
pub(super) fn apply(context: &mut Context, frame: Frame) {
    for (name, value) in frame.environment {
        match value {
            Some(value) => context.environment().set(name, value),
            None => context.environment().unset(name),
        }
    }
    if let Some(directory) = frame.directory {
        context.enter(&directory);
    }
}

/// Handles a call.
pub(super) fn carry_out(context: &mut Context, registry: &Registry, call: Call) -> Result<Value, Failure> {
    let none = Map::new();
    apply(context, call.frame);
    let arguments = Arguments(&call.arguments);
    match call.name.as_str() {
        "step" => {
            let function = arguments.text("function")?;
            let captures = arguments.0.get("captures").and_then(Value::as_object).unwrap_or(&none);
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let captures = captures.iter().filter(|(_, value)| !value.is_null());
            let captures = Captures::new(captures.map(|(name, value)| (name.clone(), text(value))));
            let Some(function) = registry.function(function) else {
                return Err(Failure::new(format!("there is no step function {function}")));
            };
            function(context, &captures)?;
            Ok(Value::Null)
        }
        "runcmd_run" => {
            let argv = arguments.words("argv")?;
            let environment = arguments.0.get("environment").map(protocol::environment).unwrap_or_default();
            runcmd::run_words(context, &argv, arguments.option("directory")?.map(Path::new), environment)?;
            latest(context)
        }
        "runcmd_latest" => latest(context),
        "runcmd_set_latest" => {
            let argv = arguments.words("argv")?;
            let exit = arguments.0.get("exit").and_then(Value::as_i64).and_then(|exit| i32::try_from(exit).ok());
            let (stdout, stderr) = (arguments.bytes("stdout_base64")?, arguments.bytes("stderr_base64")?);
            runcmd::set_latest(context, &argv, exit.unwrap_or(0), &stdout, &stderr)?;
            Ok(Value::Null)
        }
        "runcmd_settings" => {
            let prefix: Vec<String> =
                context.environment().path_prefix().iter().map(|directory| directory.display().to_string()).collect();
            let (file, text) = context.state::<Runcmd>().input();
            Ok(json!({"path_prefix": prefix, "stdin_file": file, "stdin_text": text}))
        }
        "runcmd_set" => {
            if arguments.0.contains_key("path_prefix") {
                let prefix = arguments.words("path_prefix")?;
                context.environment().set_path_prefix(prefix.into_iter().map(Into::into).collect());
            }
            if arguments.0.contains_key("stdin_file") || arguments.0.contains_key("stdin_text") {
                let (file, text) = (arguments.option("stdin_file")?, arguments.option("stdin_text")?);
                context.state::<Runcmd>().set_input(file, text);
            }
            Ok(Value::Null)
        }
        "daemons" => {
            let daemons = context.state::<Daemons>();
            let known = daemons.names().into_iter().filter_map(|name| {
                let daemon = daemons.get(&name).ok()?;
                let (stdout, stderr) = (daemon.file(Stream::Stdout), daemon.file(Stream::Stderr));
                Some(json!({
                    "name": name,
                    "pid": daemon.id(),
                    "running": daemon.try_wait().is_none(),
                    "pid_file": stdout.with_file_name(format!("{name}.pid")).display().to_string(),
                    "stdout": stdout.display().to_string(),
                    "stderr": stderr.display().to_string(),
                }))
            });
            Ok(known.collect())
        }
        "file" => {
            let file = context.embedded_file(arguments.text("name")?)?;
            Ok(json!({"content_base64": STANDARD.encode(&file.text)}))
        }
        "remember" => {
            let (name, value) = (arguments.text("name")?.to_owned(), arguments.text("value")?.to_owned());
            context.keep(&name, value);
            Ok(Value::Null)
        }
        "recall" => Ok(context.kept(arguments.text("name")?).map_or(Value::Null, Value::from)),
        name => Err(Failure::new(format!("there is no call `{name}`"))),
    }
}

fn latest(context: &mut Context) -> Result<Value, Failure> {
    let Some(ran) = context.state::<Runcmd>().latest() else { return Ok(Value::Null) };
    let bytes = |captured: &runcmd::CapturedOutput| captured.bytes().map(|bytes| STANDARD.encode(bytes));
    Ok(json!({
        "argv": ran.command().argv,
        "exit": ran.status().returncode(),
        "stdout_base64": bytes(ran.stdout())?,
        "stderr_base64": bytes(ran.stderr())?,
    }))
}
