//! Tools of the caller's that may fetch a record, or take the answer. No language model chooses: a tool is called when there is no
//! record yet, and each argument that it requires is a patient's id that a message gives, or has one possible value; or when
//! there is a record, and the caller says that this one tool must be called with what comes of it.

use super::schema::{Schema, parsed};
use crate::error::ApiError;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

/// The most tools that a request may offer.
const MAX_TOOLS: usize = 128;

/// A tool, as chat requests (within `function`) and requests for responses (as it is) offer it.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct Tool {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    function: Option<Function>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    parameters: Option<Box<RawValue>>,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct Function {
    name: String,
    /// A JSON schema of its arguments.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    parameters: Option<Box<RawValue>>,
}

/// Which tools may be called.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Choice {
    Word(String),
    One {
        #[serde(default)]
        function: Option<Chosen>,
        #[serde(default)]
        name: Option<String>,
    },
}

#[derive(Deserialize)]
pub(crate) struct Chosen {
    name: String,
}

/// The tools of a request.
pub(super) struct Tools {
    functions: Vec<Function>,
    must: bool,
}

/// A call that the caller is asked to make.
pub(super) struct ToolCall {
    pub(super) name: String,
    /// JSON, as both APIs carry it.
    pub(super) arguments: String,
}

impl Tools {
    pub(super) fn new(offered: Option<Vec<Tool>>, choice: Option<Choice>) -> Result<Self, ApiError> {
        let offered = offered.unwrap_or_default();
        if offered.len() > MAX_TOOLS {
            return Err(ApiError::invalid("tools", "holds more than 128 tools"));
        }
        // Tools of other types are a service's own, and none of them is here.
        let functions = offered.into_iter().filter(|tool| tool.kind == "function").map(|tool| {
            let function = tool.function.or_else(|| {
                let parameters = tool.parameters;
                tool.name.map(|name| Function { name, parameters })
            });
            function.filter(|function| is_name(&function.name)).ok_or_else(|| {
                ApiError::invalid("tools", "a function needs a name of 1 to 64 letters, digits, _ and -")
            })
        });
        let mut functions = functions.collect::<Result<Vec<_>, _>>()?;
        let must = match choice {
            None => false,
            Some(Choice::Word(word)) => match word.as_str() {
                "auto" => false,
                "none" => {
                    functions.clear();
                    false
                }
                "required" => true,
                _ => {
                    return Err(ApiError::invalid("tool_choice", "can be none, auto, required, or one tool"));
                }
            },
            Some(Choice::One { function, name }) => {
                let name = function.map(|function| function.name).or(name);
                functions.retain(|function| Some(&function.name) == name.as_ref());
                if functions.is_empty() {
                    return Err(ApiError::invalid("tool_choice", "names a tool that is not offered"));
                }
                true
            }
        };
        Ok(Tools { functions, must })
    }

    /// The tool that must be called with the answer, if the caller asks for that: how structured answers are often had.
    pub(super) fn for_answer(mut self) -> Result<Option<(String, Schema)>, ApiError> {
        if !self.must {
            return Ok(None);
        }
        match (self.functions.pop(), self.functions.is_empty()) {
            (Some(Function { name, parameters }), true) => {
                let schema = parameters.as_deref().map_or(Ok(Schema::ANY), Schema::read)?;
                Ok(Some((name, schema)))
            }
            _ => Err(ApiError::invalid("tool_choice", "must leave one tool, since there is one answer")),
        }
    }

    /// The call that may fetch a record, if there is one that needs no guessing. `texts` are the messages', the last
    /// first.
    pub(super) fn call<'a>(self, texts: impl Iterator<Item = &'a str>) -> Result<Option<ToolCall>, ApiError> {
        let must = self.must;
        let patient = if self.functions.is_empty() {
            None
        } else {
            texts.filter_map(|text| patient_ids(text).next()).next()
        };
        let mut call = None;
        for function in self.functions {
            let parameters = function.parameters.as_deref().map(parsed).transpose()?;
            if let Some(arguments) = arguments(parameters.as_ref(), patient) {
                let arguments = Value::Object(arguments).to_string();
                call = Some(ToolCall { name: function.name, arguments });
                break;
            }
        }
        if must && call.is_none() {
            return Err(ApiError::invalid(
                "tool_choice",
                "no tool can be called: each required argument must be a patient's id, and a message must give it as \
                 a reference (Patient/ID)",
            ));
        }
        Ok(call)
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The required arguments, when each of them is known.
fn arguments(parameters: Option<&Value>, patient: Option<&str>) -> Option<Map<String, Value>> {
    let required = parameters.and_then(|schema| schema["required"].as_array()).map_or(&[][..], Vec::as_slice);
    let argument = |name: &Value| {
        let name = name.as_str()?;
        let schema = parameters.and_then(|schema| schema["properties"].get(name));
        Some((name.to_owned(), value(name, schema, patient)?))
    };
    required.iter().map(argument).collect()
}

fn value(name: &str, schema: Option<&Value>, patient: Option<&str>) -> Option<Value> {
    if let Some(schema) = schema {
        if let Some(only) = schema.get("const").or_else(|| schema.get("default")) {
            return Some(only.clone());
        }
        if let Some([only]) = schema["enum"].as_array().map(Vec::as_slice) {
            return Some(only.clone());
        }
        if schema.get("type").is_some_and(|kind| kind != "string") {
            return None;
        }
    }
    let name = name.to_ascii_lowercase();
    let id = patient.filter(|_| name.contains("patient"))?;
    Some(if name.ends_with("reference") { format!("Patient/{id}") } else { id.to_owned() }.into())
}

/// The ids of the references to patients in a text, as FHIR writes ids: `Patient/p2`, `Patient?_id=p2`, in whatever case. What stands after
/// `patient/` in small letters is one only with a digit, since prose has `patient/family` and scopes `patient/*.rs`.
pub(super) fn patient_ids(text: &str) -> impl Iterator<Item = &str> {
    const PATIENT: &str = "patient";
    text.match_indices(['P', 'p']).filter_map(|(place, _)| {
        let word =
            text.get(place..place + PATIENT.len()).filter(|word| word.eq_ignore_ascii_case(PATIENT))?;
        if text[..place].ends_with(|before: char| before.is_alphanumeric()) {
            return None;
        }
        let rest = &text[place + PATIENT.len()..];
        let (rest, by_path) = match rest.strip_prefix('/') {
            Some(rest) => (rest, true),
            None => (searched_id(rest)?, false),
        };
        let end = rest
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.')))
            .unwrap_or(rest.len());
        let id = rest[..end].trim_end_matches('.');
        let is_one = !by_path || word == "Patient" || id.bytes().any(|b| b.is_ascii_digit());
        ((1..=64).contains(&id.len()) && is_one).then_some(id)
    })
}

/// What stands after `_id=` in a search.
fn searched_id(search: &str) -> Option<&str> {
    let search = search.strip_prefix('?')?;
    let end = search.find(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '`'));
    let search = &search[..end.unwrap_or(search.len())];
    search.split('&').find_map(|term| term.strip_prefix("_id="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tools(offered: Value, choice: Value) -> Result<Tools, ApiError> {
        let choice = serde_json::from_value(choice).unwrap();
        Tools::new(serde_json::from_value(offered).unwrap(), choice)
    }

    fn fetch() -> Value {
        json!([
            {"type": "function", "function": {"name": "weather", "parameters": {
                "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}},
            {"type": "function", "function": {"name": "everything", "parameters": {"type": "object",
                "properties": {"patient_id": {"type": "string"}, "format": {"enum": ["bundle"]}},
                "required": ["patient_id", "format"]}}},
        ])
    }

    #[test]
    fn the_tool_is_called_whose_arguments_are_known() {
        let call = tools(fetch(), Value::Null).unwrap().call(["What of Patient/a-1.2?"].into_iter());
        let call = call.unwrap().unwrap();
        assert_eq!(call.name, "everything");
        assert_eq!(
            serde_json::from_str::<Value>(&call.arguments).unwrap(),
            json!({"patient_id": "a-1.2", "format": "bundle"})
        );
    }

    #[test]
    fn who_is_named_is_known_by_reference_path_and_search() {
        let ids = |text: &'static str| patient_ids(text).collect::<Vec<_>>();
        for text in [
            "Patient/p2",
            "and patient/p2?",
            "PATIENT/p2.",
            "GET https://ehr.example/r4/Patient?_id=p2",
            "Patient?_count=1&_id=p2&x=y",
            "`patient?_id=p2`, please",
            "https://ehr.example/Patient/p2/_history/1",
        ] {
            assert_eq!(ids(text), ["p2"], "{text}");
        }
        assert_eq!(ids("Patient/a and Patient?_id=b"), ["a", "b"]);
        for text in [
            "patient/family education",
            "patient/*.rs",
            "patient/Observation.read",
            "inpatient/12",
            "Patient?name=_id",
            "p",
            "patienté",
        ] {
            assert!(ids(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        for text in
            ["What of John?", "InPatient/12", "Patient/", "Patient/é", &format!("Patient/{}", "x".repeat(65))]
        {
            assert!(
                tools(fetch(), Value::Null).unwrap().call([text].into_iter()).unwrap().is_none(),
                "{text}"
            );
            assert!(tools(fetch(), json!("required")).unwrap().call([text].into_iter()).is_err(), "{text}");
        }
        assert!(tools(fetch(), json!("none")).unwrap().call(["Patient/1"].into_iter()).unwrap().is_none());
    }

    #[test]
    fn the_tool_that_is_named_is_called_or_none() {
        let named = |name: &str| json!({"type": "function", "function": {"name": name}});
        assert!(tools(fetch(), named("weather")).unwrap().call(["Patient/1"].into_iter()).is_err());
        let call = tools(fetch(), named("everything")).unwrap().call(["Patient/1"].into_iter()).unwrap();
        assert_eq!(call.unwrap().name, "everything");
        assert!(tools(fetch(), named("other")).is_err());
        assert!(tools(json!([{"type": "function", "function": {"name": "a b"}}]), Value::Null).is_err());
    }

    #[test]
    fn responses_offer_tools_without_a_wrapper() {
        let flat = json!([{"type": "function", "name": "all", "parameters": {}}, {"type": "web_search"}]);
        let call = tools(flat, json!({"type": "function", "name": "all"})).unwrap().call([].into_iter());
        assert_eq!(call.unwrap().unwrap().arguments, "{}");
    }
}
