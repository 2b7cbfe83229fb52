//! The JSON of a send call.

use domain::Personal;
use domain::identity::{Bsuid, PhoneNumber, Recipient};
use domain::input::MessageReference;
use domain::outbound::{Content, OutboundMessage};
use serde::Serialize;

/// What is posted for a message.
pub(super) fn of(message: &OutboundMessage, reference: MessageReference) -> Body<'_> {
    let (to, recipient) = match message.to.expose() {
        Recipient::Phone(number) => (Some(number), None),
        Recipient::Bsuid(bsuid) => (None, Some(bsuid)),
    };
    let (kind, text, template) = match &message.content {
        Content::Text { body } => ("text", Some(Text::of(body)), None),
        Content::Template { name, language, parameters } => {
            let template = Template::of(name, language, parameters);
            ("template", None, Some(template))
        }
    };
    Body {
        messaging_product: "whatsapp",
        recipient_type: "individual",
        to,
        recipient,
        kind,
        text,
        template,
        biz_opaque_callback_data: reference.to_string(),
    }
}

#[derive(Serialize)]
pub(super) struct Body<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a PhoneNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a Bsuid>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<Template<'a>>,
    biz_opaque_callback_data: String,
}

#[derive(Serialize)]
struct Text<'a> {
    preview_url: bool,
    body: &'a Personal<String>,
}

impl<'a> Text<'a> {
    const fn of(body: &'a Personal<String>) -> Self {
        Self { preview_url: false, body }
    }
}

#[derive(Serialize)]
struct Template<'a> {
    name: &'a str,
    language: Language<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<Component<'a>>,
}

#[derive(Serialize)]
struct Language<'a> {
    code: &'a str,
}

#[derive(Serialize)]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    parameters: Vec<Parameter<'a>>,
}

#[derive(Serialize)]
struct Parameter<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a Personal<String>,
}

impl<'a> Template<'a> {
    fn of(name: &'a str, language: &'a str, parameters: &'a [Personal<String>]) -> Self {
        let parameter = |text| Parameter { kind: "text", text };
        let body = (!parameters.is_empty()).then(|| Component {
            kind: "body",
            parameters: parameters.iter().map(parameter).collect(),
        });
        Self { name, language: Language { code: language }, components: body.into_iter().collect() }
    }
}
