//! `GET /api/v1/openapi.json`: the description of all routes, from the handlers themselves.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};

use crate::{commands, contracts, dry_run, gateway, me, ops, page, queries, users};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Onboarding",
        description = "Brings clients of regulated firms together with their employees over \
                       WhatsApp. Every refusal is an RFC 9457 problem with a stable `type`, \
                       `urn:onboarding:problem:<code>`; responses name the codes. Fields said to \
                       be personal data are not to be logged. Routes with a lock take a token of \
                       one company (`Authorization: Bearer onb_…`), which `onboarding token create` \
                       makes; its role says what it may do. Any request may be answered 431 \
                       without a body (its head is too large), 503 `too-many-connections` or 504 \
                       `too-slow`; after the last two, and after 429, try again.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        gateway::handshake::handshake,
        gateway::post::receive,
        queries::onboarding_requests::handler,
        queries::onboarding_request::handler,
        queries::history::handler,
        queries::chat_rooms::handler,
        queries::chat_room::handler,
        queries::reminders::handler,
        queries::secondary_numbers::handler,
        queries::client_profile::handler,
        queries::parked_inputs::handler,
        queries::parked_input::handler,
        queries::parked_input_content::handler,
        commands::register_client_profile::handler,
        commands::archive_client_profile::handler,
        commands::block_client::block,
        commands::block_client::unblock,
        commands::set_client_language::handler,
        commands::promote_prospect::handler,
        commands::close_room::handler,
        commands::reassign_room::handler,
        commands::resend_invitation::handler,
        commands::set_number_service::handler,
        commands::add_number::handler,
        commands::remove_number::handler,
        commands::retry_parked_input::handler,
        commands::drop_parked_input::handler,
        commands::set_user_extension::handler,
        dry_run::handler,
        users::qr_svg::handler,
        users::qr_png::handler,
        users::click_to_chat::handler,
        me::handler,
        page::handler,
        contracts::list,
        contracts::one,
        handler,
        ops::healthz,
        ops::readyz::handler,
        ops::metrics,
    ),
    tags(
        (name = "webhooks", description = "Called by WhatsApp"),
        (name = "queries", description = "Read models, and what only the log tells; also over NATS as `qry.onboarding.v1.<query>`"),
        (name = "commands", description = "Operators' commands, answered after commit"),
        (name = "pages", description = "What an employee shows a client"),
        (name = "contracts", description = "Published schemas"),
        (name = "operation", description = "For whoever runs the process"),
    )
)]
struct Api;

/// The name of the one way in.
const TOKEN: &str = "token";

/// The description of all routes, webhooks included.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = Api::openapi();
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme(TOKEN, scheme);
    for (path, item) in &mut api.paths.paths {
        let operations = [("get", &mut item.get), ("post", &mut item.post)];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            // Every handler is called `handler` or so: name operations by what they do.
            operation.operation_id = Some(operation_id(method, path));
            if is_guarded(path) {
                guard(operation);
            }
            if operation.tags.iter().flatten().any(|tag| tag == "commands") {
                let code = "`version-mismatch`: it is at another version than `If-Match` says";
                refuses(operation, "412", code);
            }
            for (status, response) in &mut operation.responses.responses {
                // `/readyz` tells more than that something is wrong.
                let is_refusal = status.as_str() >= "400" && path != "/readyz";
                if let (true, RefOr::T(response)) = (is_refusal, response) {
                    let bodies = std::mem::take(&mut response.content).into_values();
                    response.content = bodies.map(|body| (PROBLEM.to_owned(), body)).collect();
                }
            }
        }
    }
    api
}

const PROBLEM: &str = "application/problem+json";

/// As `router` has it; a test asks every route.
fn is_guarded(path: &str) -> bool {
    let open = ["/api/v1/openapi.json", "/api/v1/contracts"];
    path.starts_with("/api/v1/") && !open.iter().any(|open| path.starts_with(open))
}

/// Says what the guard asks for, and how it refuses.
fn guard(operation: &mut Operation) {
    operation.security = Some(vec![SecurityRequirement::new(TOKEN, Vec::<String>::new())]);
    let refusals = [
        ("401", "`no-token`, `token-invalid`"),
        ("403", "`role-forbids`, `other-company`, `other-user`"),
        ("429", "`too-many-calls`: the token calls too often; wait as `Retry-After` says"),
    ];
    for (status, description) in refusals {
        refuses(operation, status, description);
    }
}

fn refuses(operation: &mut Operation, status: &str, description: &str) {
    let body = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new().description(description).content(PROBLEM, body);
    operation.responses.responses.insert(status.to_owned(), response.build().into());
}

/// `get-users-id-qr-svg` for `GET /api/v1/users/{id}/qr.svg`.
fn operation_id(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("-")
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "contracts",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
pub(crate) async fn handler() -> impl IntoResponse {
    static DOCUMENT: LazyLock<String> =
        LazyLock::new(|| openapi().to_json().unwrap_or_else(|_| "{}".to_owned()));
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    found.insert(reference);
                }
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_is_whole() {
        let document = serde_json::to_value(openapi()).unwrap();
        assert_eq!(document["paths"].as_object().unwrap().len(), 39);
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.contains("#/components/schemas/Problem"), "{found:?}");
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn every_operation_has_its_own_name() {
        let api = openapi();
        let items = || api.paths.paths.values();
        let operations: Vec<_> =
            items().flat_map(|item| [&item.get, &item.post]).flatten().collect();
        let names: BTreeSet<_> = operations.iter().map(|op| op.operation_id.clone()).collect();
        assert_eq!(names.len(), operations.len());
        assert_eq!(operation_id("get", "/api/v1/users/{id}/qr.svg"), "get-users-id-qr-svg");
    }
}
