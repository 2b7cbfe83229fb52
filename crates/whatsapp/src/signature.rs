//! `X-Hub-Signature-256`: the proof that a post comes from WhatsApp.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The header that carries the signature.
pub const HEADER: &str = "X-Hub-Signature-256";

const SCHEME: &str = "sha256=";

/// Checks the signature of a webhook post over its raw bytes, in constant time.
///
/// `secret` is the app secret, `header` the value of [`HEADER`].
///
/// # Errors
///
/// [`BadSignature`]; trying again does not help. An empty `secret` refuses
/// everything: anybody can sign with it.
pub fn verify(secret: &[u8], body: &[u8], header: Option<&str>) -> Result<(), BadSignature> {
    let header = header.ok_or(BadSignature::Missing)?;
    let digest = header
        .strip_prefix(SCHEME)
        .and_then(|digits| hex::decode(digits).ok())
        .ok_or(BadSignature::Malformed)?;
    let mac = (!secret.is_empty())
        .then(|| mac_over(secret, body))
        .flatten()
        .ok_or(BadSignature::NoSecret)?;
    mac.verify_slice(&digest).map_err(|_| BadSignature::Mismatch)
}

/// The header's value for a body, as WhatsApp would send it: for the fake and
/// the demo. With an empty `secret` the value is one that [`verify`] refuses.
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    let digest = mac_over(secret, body).map(|mac| hex::encode(mac.finalize().into_bytes()));
    format!("{SCHEME}{}", digest.unwrap_or_default())
}

/// `None` never happens: HMAC takes keys of any length.
fn mac_over(secret: &[u8], body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::new_from_slice(secret).ok()?;
    mac.update(body);
    Some(mac)
}

/// Why a post is not taken for WhatsApp's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// The header is not there.
    #[error("the header {HEADER} is missing")]
    Missing,
    /// Another scheme, or no hexadecimal number.
    #[error("the header {HEADER} is not {SCHEME}<hex>")]
    Malformed,
    /// Signed with another secret, or the body was changed.
    #[error("the signature does not match the body")]
    Mismatch,
    /// The app has no secret to check with.
    #[error("no app secret is configured")]
    NoSecret,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"app-secret";

    #[test]
    fn what_whatsapp_signed_passes() {
        let header = sign(SECRET, b"{}");
        assert_eq!(verify(SECRET, b"{}", Some(&header)), Ok(()));
        let shouted = format!("sha256={}", header["sha256=".len()..].to_uppercase());
        assert_eq!(verify(SECRET, b"{}", Some(&shouted)), Ok(()));
    }

    #[test]
    fn the_digest_is_the_one_of_rfc_4231() {
        assert_eq!(
            sign(b"Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn everything_else_is_refused() {
        let good = sign(SECRET, b"{}");
        let sha1 = good.replace("sha256=", "sha1=");
        let short = &good[..good.len() - 2];
        for (header, body, why) in [
            (None, "{}", BadSignature::Missing),
            (Some(""), "{}", BadSignature::Malformed),
            (Some(sha1.as_str()), "{}", BadSignature::Malformed),
            (Some(&good["sha256=".len()..]), "{}", BadSignature::Malformed),
            (Some("sha256=no-hex"), "{}", BadSignature::Malformed),
            (Some("sha256="), "{}", BadSignature::Mismatch),
            (Some(short), "{}", BadSignature::Mismatch),
            (Some(good.as_str()), "{} ", BadSignature::Mismatch),
        ] {
            assert_eq!(verify(SECRET, body.as_bytes(), header), Err(why));
        }
        assert_eq!(verify(b"other", b"{}", Some(&good)), Err(BadSignature::Mismatch));
    }

    #[test]
    fn an_empty_secret_lets_nobody_in() {
        let forged = sign(b"", b"{}");
        assert_eq!(verify(b"", b"{}", Some(&forged)), Err(BadSignature::NoSecret));
    }
}
