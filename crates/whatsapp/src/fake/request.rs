//! The strict check of a send call. Whatever the real API would mind, and what
//! our client never sends (unknown members), is refused.

use axum::http::HeaderMap;
use domain::Personal;
use domain::identity::{Bsuid, PhoneNumber, Recipient};
use domain::ids::PhoneNumberId;
use domain::input::MessageReference;
use domain::outbound::Content;
use serde::Deserialize;

use crate::client::TRACEPARENT;

/// A well-formed call.
pub(super) struct Request {
    pub(super) from: PhoneNumberId,
    pub(super) to: Recipient,
    pub(super) content: Content,
    pub(super) reference: Option<MessageReference>,
    pub(super) traceparent: Option<String>,
}

/// WhatsApp's code for a call with something wrong in it.
const INVALID_PARAMETER: i64 = 100;
/// WhatsApp's code for template parameters with line breaks, tabs or many blanks.
const INVALID_TEMPLATE_PARAMETER: i64 = 132_018;

impl Request {
    /// Reads a call to `/{number}/messages`; the error is WhatsApp's code.
    pub(super) fn read(number: &str, headers: &HeaderMap, body: &[u8]) -> Result<Self, i64> {
        let traceparent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
        let body: Body = serde_json::from_slice(body).map_err(|_| INVALID_PARAMETER)?;
        let is_known = body.messaging_product == "whatsapp" && body.recipient_type == "individual";
        let data = body.biz_opaque_callback_data.unwrap_or_default();
        if !is_known || data.len() > 512 {
            return Err(INVALID_PARAMETER);
        }
        Ok(Self {
            from: number.parse().map_err(|_| INVALID_PARAMETER)?,
            to: recipient(body.to, body.recipient)?,
            content: content(&body.kind, body.text, body.template)?,
            reference: data.parse().ok(),
            traceparent: traceparent.map(str::to_owned),
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    messaging_product: String,
    recipient_type: String,
    to: Option<String>,
    recipient: Option<Bsuid>,
    #[serde(rename = "type")]
    kind: String,
    text: Option<Text>,
    template: Option<Template>,
    biz_opaque_callback_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "preview_url")]
    _preview_url: Option<bool>,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    name: String,
    language: Language,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Language {
    code: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Component {
    Body { parameters: Vec<Parameter> },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Parameter {
    Text { text: String },
}

fn recipient(to: Option<String>, bsuid: Option<Bsuid>) -> Result<Recipient, i64> {
    match (to, bsuid) {
        (Some(to), None) => {
            let number: Option<PhoneNumber> = to.parse().ok();
            number
                .filter(|number| number.to_string() == to)
                .map(Recipient::Phone)
                .ok_or(INVALID_PARAMETER)
        }
        (None, Some(bsuid)) => Ok(Recipient::Bsuid(bsuid)),
        (Some(_), Some(_)) | (None, None) => Err(INVALID_PARAMETER),
    }
}

fn content(kind: &str, text: Option<Text>, template: Option<Template>) -> Result<Content, i64> {
    match (kind, text, template) {
        ("text", Some(text), None) => {
            let fits = (1..=4096).contains(&text.body.chars().count());
            let body = Personal::new(text.body);
            fits.then_some(Content::Text { body }).ok_or(INVALID_PARAMETER)
        }
        ("template", None, Some(template)) => templated(template),
        _ => Err(INVALID_PARAMETER),
    }
}

fn templated(template: Template) -> Result<Content, i64> {
    let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let is_named = (1..=512).contains(&template.name.len()) && template.name.bytes().all(is_name);
    if !is_named || template.language.code.is_empty() || template.components.len() > 1 {
        return Err(INVALID_PARAMETER);
    }
    let parameters: Vec<String> = template
        .components
        .into_iter()
        .flat_map(|Component::Body { parameters }| parameters)
        .map(|Parameter::Text { text }| text)
        .collect();
    let fits = |p: &String| !p.is_empty() && !p.contains(['\n', '\t']) && !p.contains("     ");
    if !parameters.iter().all(fits) {
        return Err(INVALID_TEMPLATE_PARAMETER);
    }
    Ok(Content::Template {
        name: template.name,
        language: template.language.code,
        parameters: parameters.into_iter().map(Personal::new).collect(),
    })
}
