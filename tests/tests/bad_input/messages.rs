//! Messages with strange content.

use acceptance::PRIMARY;
use chrono::TimeDelta;
use domain::ids::Wamid;
use domain::request::Outcome;
use onboarding::whatsapp::post::{ClientMessage, WebhookPost};
use serde_json::{Value, json};

use crate::bank::{ASK, Bank, NAME, WORDS, client, post_of};

/// The phone number of the `n`th client, with and without `+`.
fn phone(n: usize) -> (String, String) {
    (format!("+120255501{n:02}"), format!("120255501{n:02}"))
}

/// Everybody was onboarded with Michael, and was told so.
async fn all_are_onboarded(bank: &Bank, wamids: &[Wamid], first: usize) {
    for (index, wamid) in wamids.iter().enumerate() {
        assert_eq!(bank.outcome(wamid).await, Outcome::Onboarded, "case {index}");
        bank.invited_by_michael(&phone(first + index).0);
    }
}

/// Everybody was asked for an extension, once.
async fn all_are_asked(bank: &Bank, wamids: &[Wamid], first: usize) {
    for (index, wamid) in wamids.iter().enumerate() {
        assert_eq!(bank.outcome(wamid).await, Outcome::ExtensionMissing, "case {index}");
        assert_eq!(bank.told(&phone(first + index).0), [format!("{PRIMARY}: {ASK}")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_says_nothing_is_asked_for_an_extension() {
    let bank = Bank::opens().await;
    let texts = [
        json!({ "body": "" }),
        json!({ "body": " \n\t\u{200b}" }),
        json!({ "body": "#" }),
        json!({ "body": "# michael" }),
        json!({ "body": null }),
        json!({ "body": 7 }),
        json!({ "body": ["#michael"] }),
        json!({}),
        json!("#michael"),
        json!(null),
    ];
    let mut wamids = vec![];
    let mut messages = vec![];
    for (index, text) in texts.into_iter().enumerate() {
        let (wamid, mut message) = bank.raw_text(&phone(10 + index).1, "");
        message["text"] = text;
        wamids.push(wamid);
        messages.push(message);
    }
    bank.takes_bytes(post_of(&messages).into_body()).await;
    all_are_asked(&bank, &wamids, 10).await;
    bank.closes(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_extension_is_found_anywhere_in_a_text_as_long_as_whatsapp_allows() {
    const MOST: usize = 4096;
    let bank = Bank::opens().await;
    let texts = [
        format!("#michael {}", "x".repeat(MOST - 9)),
        format!("{} #michael", "x".repeat(MOST - 9)),
        format!("{} #michael", "🙂".repeat(MOST - 9)),
        // Longer than WhatsApp allows today.
        format!("{} #michael", "y".repeat(10_000)),
        format!("{} #michael", "z".repeat(200_000)),
    ];
    assert!(texts[..3].iter().all(|text| text.chars().count() == MOST));
    let mut wamids = vec![];
    let mut messages = vec![];
    for (index, text) in texts.iter().enumerate() {
        let (wamid, message) = bank.text(&client(&phone(10 + index).1), text);
        wamids.push(wamid);
        messages.push(message);
    }
    bank.takes_bytes(WebhookPost::new().messages(PRIMARY, &messages).into_body()).await;
    all_are_onboarded(&bank, &wamids, 10).await;
    for (wamid, text) in wamids.iter().zip(&texts) {
        let recorded = bank.recorded(wamid).await.text.unwrap();
        assert!(recorded.expose() == text, "the whole text is recorded");
    }
    // A word of 65 letters is no extension, wherever it is cut.
    let (wamid, message) = bank.text(&client("12025550120"), &format!("#{}", "m".repeat(65)));
    bank.takes(message).await;
    all_are_asked(&bank, &[wamid], 20).await;
    bank.closes(texts.len() as i64, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_extension_is_found_as_keyboards_write_it() {
    let bank = Bank::opens().await;
    let texts = [
        "＃ＭＩＣＨＡＥＬ",
        "🙂 ＃ｍｉｃｈａｅｌ🙂 please",
        "#Michael👩‍👩‍👧",
        "👋🏽\u{3000}＃Michael．",
        "\u{200f}#mi\u{200d}chael\u{feff}",
        "#\u{fe0f}michael",
    ];
    let mut wamids = vec![];
    for (index, text) in texts.iter().enumerate() {
        let (wamid, message) = bank.text(&client(&phone(10 + index).1), text);
        bank.takes(message).await;
        wamids.push(wamid);
    }
    all_are_onboarded(&bank, &wamids, 10).await;
    bank.closes(texts.len() as i64, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timestamps_in_milliseconds_are_the_same_moment() {
    let bank = Bank::opens().await;
    let now = bank.app.stage.now();
    let (seconds, ms) = (now.timestamp(), now.timestamp_millis());
    let stamps = [json!(seconds.to_string()), json!(seconds), json!(ms.to_string()), json!(ms)];
    let mut wamids = vec![];
    let mut messages = vec![];
    for (index, stamp) in stamps.into_iter().enumerate() {
        let (wamid, mut message) = bank.raw_text(&phone(10 + index).1, "#michael");
        message["timestamp"] = stamp;
        wamids.push(wamid);
        messages.push(message);
    }
    bank.takes_bytes(post_of(&messages).into_body()).await;
    all_are_onboarded(&bank, &wamids, 10).await;
    for wamid in &wamids {
        assert_eq!(bank.recorded(wamid).await.sent_at, now);
    }
    bank.closes(4, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_last_week_is_recorded_and_not_answered() {
    let bank = Bank::opens().await;
    let now = bank.app.stage.now();
    let old = [TimeDelta::days(7), TimeDelta::hours(24) + TimeDelta::seconds(5)];
    let mut wamids = vec![];
    for (index, age) in old.into_iter().chain([TimeDelta::hours(23)]).enumerate() {
        let wamid = bank.app.stage.next_wamid();
        let client = client(&phone(10 + index).1);
        let message = ClientMessage::text(&client, wamid.as_str(), now - age, "#michael");
        bank.takes(message).await;
        wamids.push(wamid);
    }
    for (wamid, whom) in wamids.iter().zip(["+12025550110", "+12025550111"]) {
        assert_eq!(bank.outcome(wamid).await, Outcome::Expired);
        assert_eq!(bank.told(whom), Vec::<String>::new());
    }
    all_are_onboarded(&bank, &wamids[2..], 12).await;
    bank.closes(1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nul_characters_are_left_out_and_the_rest_is_taken() {
    let bank = Bank::opens().await;
    let (wamid, message) = bank
        .text(&client("12025550110").named("Pri\0vate\0 Name\0"), "\0#mich\0ael private\0 words");
    bank.takes(message).await;
    let (only, message) = bank.text(&client("12025550111").named("\0"), "\0\0");
    bank.takes(message).await;
    all_are_onboarded(&bank, std::slice::from_ref(&wamid), 10).await;
    all_are_asked(&bank, std::slice::from_ref(&only), 11).await;
    let recorded = bank.recorded(&wamid).await;
    assert_eq!(recorded.text.unwrap().expose(), &format!("#michael {WORDS}"));
    assert_eq!(recorded.from.name.unwrap().expose(), NAME);
    let recorded = bank.recorded(&only).await;
    assert_eq!((recorded.text, recorded.from.name), (None, None));
    bank.closes(1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn halves_of_surrogate_pairs_become_replacement_characters() {
    let bank = Bank::opens().await;
    let (wamid, message) = bank.text(&client("12025550110").named("Ann HIGH"), "#michael HIGH LOW");
    let (joined, other) = bank.text(&client("12025550111"), "HIGH#michaelLOW");
    let (_, mut broken) = bank.raw_text("12025550112", "#michael");
    broken["id"] = json!("wamid.HIGH");
    let body = WebhookPost::new().messages(PRIMARY, &[message, other]);
    let body = [body.into_body(), post_of(&[broken]).into_body()];
    for body in body {
        let body = String::from_utf8(body).unwrap();
        bank.takes_bytes(body.replace("HIGH", "\\ud83d").replace("LOW", "\\ude42")).await;
    }
    all_are_onboarded(&bank, std::slice::from_ref(&wamid), 10).await;
    // The extension stands behind a character that is no blank.
    all_are_asked(&bank, &[joined], 11).await;
    let recorded = bank.recorded(&wamid).await;
    assert_eq!(recorded.text.unwrap().expose(), "#michael \u{fffd} \u{fffd}");
    assert_eq!(recorded.from.name.unwrap().expose(), "Ann \u{fffd}");
    let parked = bank.parked(1).await;
    let found = (parked[0].code.as_str(), parked[0].reason.as_str());
    assert_eq!(found, ("bad-item", "messages[].id is not valid"));
    bank.closes(1, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_unknown_types_are_asked_for_an_extension() {
    let bank = Bank::opens().await;
    let kinds = [
        (json!("hologram"), "hologram"),
        (json!("unsupported"), "unsupported"),
        (json!(null), "unknown"),
        (json!(7), "unknown"),
        (json!(""), "unknown"),
        (json!("an evil.>\u{0} kind"), "unknown"),
        (json!("x".repeat(1_000)), "unknown"),
    ];
    let mut wamids = vec![];
    let mut messages: Vec<Value> = vec![];
    for (index, (kind, _)) in kinds.iter().enumerate() {
        // The words of another type are not this one's.
        let (wamid, mut message) = bank.raw_text(&phone(10 + index).1, "#michael");
        message["type"] = kind.clone();
        message["hologram"] = json!({ "body": "#michael", "caption": "#michael" });
        message["errors"] = json!([{ "code": 131_051, "title": "Unsupported message type" }]);
        wamids.push(wamid);
        messages.push(message);
    }
    messages[2].as_object_mut().unwrap().remove("type");
    let (system, mut changed) = bank.raw_text("12025550130", "#michael");
    changed["type"] = json!("system");
    changed["system"] = json!({ "body": "changed from A to B", "type": "user_changed_number" });
    messages.push(changed);
    bank.takes_bytes(post_of(&messages).into_body()).await;

    all_are_asked(&bank, &wamids, 10).await;
    for (wamid, (_, kind)) in wamids.iter().zip(&kinds) {
        assert_eq!(bank.recorded(wamid).await.kind, *kind);
    }
    assert_eq!(bank.outcome(&system).await, Outcome::Ignored);
    assert_eq!(bank.told("+12025550130"), Vec::<String>::new());
    bank.closes(0, 0).await;
}
