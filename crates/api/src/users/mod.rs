//! Pages by which an employee brings a client in: a link and its QR code.

pub mod click_to_chat;
pub mod qr_png;
pub mod qr_svg;

use axum::http::StatusCode;
use directory::Picture;
use domain::Personal;
use domain::ids::{CompanyId, UserId};
use fast_qr::{ECL, QRBuilder, QRCode};
use serde::Deserialize;

use crate::ApiState;
use crate::problem::Problem;

/// What stands under a code that works.
pub(crate) const CAPTION: &str = "Use this QR code to onboard a client face-to-face";
/// What stands in place of a code that would not.
pub(crate) const BROKEN: &str = "There has been an issue with the WhatsApp Business Account configuration. \
                      Please contact administrator for troubleshooting.";

/// Which user. Ids of users are unique in their company only.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserQuery {
    /// Whose user.
    company: CompanyId,
    /// The user.
    id: UserId,
}

/// What leads a client to a user.
struct Link {
    name: Personal<String>,
    url: String,
    extension: String,
    primary: String,
}

/// The link of an active user.
///
/// # Errors
/// `unknown-company`, `unknown-user`, `no-extension`, `account-configuration-broken`.
async fn link(state: &ApiState, asked: &UserQuery) -> Result<Link, Problem> {
    let picture = state.pictures.of(&asked.company).await?;
    link_in(&picture, &asked.id)
}

fn link_in(picture: &Picture, id: &UserId) -> Result<Link, Problem> {
    let user = picture.active_user(id).ok_or_else(|| {
        let detail = format!("Company {} has no active user {id}", picture.company_id());
        Problem::not_found("unknown-user", "There is no such user", detail).field("id")
    })?;
    let extension = user.extension.ok_or_else(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "no-extension",
            "The user has no extension",
            "Clients reach a user by the extension; give the user one in the directory",
        )
    })?;
    let primary = picture.primary_for(&user.ou).filter(|account| !account.configuration_broken);
    let primary = primary.map(|account| &account.display_number).ok_or_else(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "account-configuration-broken",
            "The WhatsApp Business Account is not configured properly",
            BROKEN,
        )
    })?;
    let digits = primary.digits();
    let text = percent_encoded(extension.as_str());
    Ok(Link {
        name: user.name,
        url: format!("https://wa.me/{digits}?text=%23{text}"),
        extension: extension.to_string(),
        primary: primary.to_string(),
    })
}

/// The link's code; with 30 % redundancy, because it is photographed from screens and badges, and
/// the page puts a mark in its middle.
fn code(link: &Link) -> Result<QRCode, Problem> {
    // A link has some 100 characters, or 800 with an extension in a script of many bytes; a code
    // takes 1,273.
    QRBuilder::new(link.url.as_str()).ecl(ECL::H).build().map_err(|_| {
        tracing::error!("a link does not fit into a QR code");
        Problem::internal()
    })
}

/// RFC 3986: everything but unreserved characters.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_of_any_script_makes_a_valid_link() {
        assert_eq!(percent_encoded("dom_1-2.3"), "dom_1-2.3");
        assert_eq!(percent_encoded("ж"), "%D0%B6");
        let extension = "ж".repeat(64);
        let url = format!("https://wa.me/4912345?text=%23{}", percent_encoded(&extension));
        let name = Personal::new("Jelena".to_owned());
        let link = Link { name, url, extension, primary: "+4912345".into() };
        assert!(code(&link).is_ok());
    }
}
