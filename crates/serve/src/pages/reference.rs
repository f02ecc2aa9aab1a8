//! The reference page: the OpenAPI document as HTML, made from the document itself so that the two agree.

use serde_json::Value;
use std::fmt::Write;

/// The whole page; its style is put in by the caller.
pub(super) fn html(document: &Value) -> String {
    let mut page = String::with_capacity(64 << 10);
    let title = text(&document["info"]["title"]);
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} API</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"data:,\"><style></style></head><body>\
         <header><a class=\"brand\" href=\"/\">Osler</a><span>API {}</span>\
         <nav><a href=\"/\">Console</a> <a href=\"/openapi.json\">openapi.json</a></nav></header><main>\
         <h1>{title} API</h1><p class=\"lead\">{}</p>",
        text(&document["info"]["version"]),
        text(&document["info"]["description"]),
    );
    page.push_str(
        "<p>Where a key is configured, send it as <code>Authorization: Bearer KEY</code>. Every answer carries \
         <code>x-request-id</code>; every error is one JSON object with <code>code</code>, <code>message</code> and \
         <code>request_id</code>, and never repeats what was sent.</p>",
    );
    let tags = document["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    for tag in tags {
        let _ = write!(page, "<h2>{}</h2>", text(&tag["description"]));
        for (path, method, operation) in operations(document) {
            if operation["tags"][0] == tag["name"] {
                write_operation(&mut page, document, path, method, operation);
            }
        }
    }
    write_schemas(&mut page, document);
    page.push_str("</main></body></html>");
    page
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn write_operation(page: &mut String, document: &Value, path: &str, method: &str, operation: &Value) {
    let _ = write!(
        page,
        "<section><h3><span class=\"method\">{}</span> <code>{}</code></h3><p><strong>{}</strong></p>",
        escape(&method.to_uppercase()),
        escape(path),
        text(&operation["summary"])
    );
    if operation["description"].is_string() {
        let _ = write!(page, "<p>{}</p>", text(&operation["description"]));
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Some(name) = schema_name(body) {
        let _ = write!(page, "<h4>Request</h4><p><a href=\"#{0}\">{0}</a></p>", escape(name));
        let example = &document["components"]["schemas"][name]["example"];
        if !example.is_null() {
            let _ =
                write!(page, "<pre tabindex=\"0\" aria-label=\"Example request\">{}</pre>", pretty(example));
        }
    }
    page.push_str("<h4>Answers</h4><table><tbody>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let schema = &response["content"]["application/json"]["schema"];
        let link = schema_name(schema).map(|name| format!("<a href=\"#{0}\">{0}</a>", escape(name)));
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
            escape(status),
            text(&response["description"]),
            link.unwrap_or_default()
        );
    }
    page.push_str("</tbody></table></section>");
}

fn write_schemas(page: &mut String, document: &Value) {
    page.push_str("<h2>Types</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let _ = write!(page, "<section id=\"{0}\"><h3><code>{0}</code></h3>", escape(name));
        if schema["description"].is_string() {
            let _ = write!(page, "<p>{}</p>", text(&schema["description"]));
        }
        write_fields(page, schema);
        page.push_str("</section>");
    }
}

/// The fields of an object, with those of the objects that it is made of; the words or shapes of a choice.
fn write_fields(page: &mut String, schema: &Value) {
    let words = |list: &Value| {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().map(|word| format!("<code>{}</code>", text(word))).collect::<Vec<_>>().join(" ")
    };
    if schema["enum"].is_array() {
        let _ = write!(page, "<p>{}</p>", words(&schema["enum"]));
    }
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    let shapes: Vec<String> = choices
        .map(|choice| if choice["enum"].is_array() { words(&choice["enum"]) } else { type_of(choice) })
        .collect();
    if !shapes.is_empty() {
        let _ = write!(page, "<p>{}</p>", shapes.join(" or "));
    }
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let objects: Vec<&Value> = parts.chain([schema]).collect();
    for part in &objects {
        if let Some(name) = schema_name(part) {
            let _ = write!(page, "<p>All fields of <a href=\"#{0}\">{0}</a>, and:</p>", escape(name));
        }
    }
    let fields =
        || objects.iter().filter_map(|part| part["properties"].as_object().map(|fields| (*part, fields)));
    if fields().next().is_none() {
        return;
    }
    page.push_str("<table><tbody>");
    for (part, properties) in fields() {
        let required = part["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (name, field) in properties {
            let optional = if required.iter().any(|field| field == name) { "" } else { " <em>optional</em>" };
            let _ = write!(
                page,
                "<tr><th scope=\"row\"><code>{}</code></th><td>{}{optional}</td><td>{}</td></tr>",
                escape(name),
                type_of(field),
                text(&field["description"])
            );
        }
    }
    page.push_str("</tbody></table>");
}

fn type_of(schema: &Value) -> String {
    if let Some(name) = schema_name(schema) {
        return format!("<a href=\"#{0}\">{0}</a>", escape(name));
    }
    for choice in ["oneOf", "allOf"] {
        if let Some(parts) = schema[choice].as_array() {
            let known = parts.iter().filter(|part| part["type"] != "null").map(type_of);
            return known.collect::<Vec<_>>().join(" or ");
        }
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.as_str(),
        // `["string", "null"]`: that it may be absent is said beside it.
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("any")
        }
        _ => "any",
    };
    if kind == "array" { format!("list of {}", type_of(&schema["items"])) } else { escape(kind) }
}

fn schema_name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn pretty(value: &Value) -> String {
    escape(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// Escaped text of a string, with `backquoted` words as code.
fn text(value: &Value) -> String {
    let mut html = String::new();
    for (index, part) in escape(value.as_str().unwrap_or_default()).split('`').enumerate() {
        let _ = if index % 2 == 1 { write!(html, "<code>{part}</code>") } else { write!(html, "{part}") };
    }
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_operation_and_schema_is_on_the_page_and_linked() {
        let document = serde_json::to_value(crate::doors::document()).unwrap();
        let page = html(&document);
        for (path, _, _) in operations(&document) {
            assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
        }
        for link in page.split("href=\"#").skip(1) {
            let name = link.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{name}\"")), "dangling link to {name}");
        }
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(text(&json!("a < `b` & <script>")), "a &lt; <code>b</code> &amp; &lt;script&gt;");
    }
}
