//! Whole posts: order, bytes, size, and what is printed.

use domain::outbound::DeliveryStatus;
use whatsapp::post::{Client, ClientMessage, StatusUpdate, WebhookPost};

use crate::{at, message, parsed};

#[test]
fn an_item_keeps_its_bytes_and_points_to_its_post() {
    let body = include_str!("../fixtures/every_kind.json");
    let post = parsed(body);
    for item in &post.items {
        assert!(body.contains(item.raw.get()));
        let evidence = message(item).evidence.as_ref().unwrap();
        assert_eq!(evidence.post_sha256, post.sha256);
        assert_eq!(evidence.item_sha256, item.sha256);
    }
    assert!(post.items[0].raw.get().starts_with("{ \"from\": \"12025550101\""));
    assert_eq!(post.sha256.len(), 64);
    let hashes: std::collections::HashSet<_> = post.items.iter().map(|i| &i.sha256).collect();
    assert_eq!(hashes.len(), post.items.len());
}

#[test]
fn a_repeated_message_is_two_items_with_one_hash() {
    let ann = Client::with_phone("12025550101").named("Ann");
    let once = ClientMessage::text(&ann, "wamid.A", at(0), "#michael");
    let twice = [once.clone(), once];
    let post = parsed(WebhookPost::new().messages("1001", &twice).into_body());
    assert_eq!(post.items.len(), 2);
    assert_eq!(post.items[0].sha256, post.items[1].sha256);
    assert_eq!(post.items[0].content, post.items[1].content);
}

#[test]
fn a_batch_keeps_its_order_over_entries_numbers_and_kinds() {
    let ann = Client::with_phone("12025550101").and_bsuid("US.1").named("Ann");
    let ben = Client::with_bsuid("GB.2").named("Ben");
    let body = WebhookPost::new()
        .messages(
            "1001",
            &[
                ClientMessage::text(&ann, "wamid.1", at(1), "#michael"),
                ClientMessage::image(&ben, "wamid.2", at(2), "#anna"),
                ClientMessage::voice(&ann, "wamid.3", at(3)),
            ],
        )
        .statuses(
            "1002",
            &[
                StatusUpdate::new("wamid.X", DeliveryStatus::Read, at(4)).to(&ben),
                StatusUpdate::failed("wamid.Y", at(5), 131_047),
            ],
        )
        .next_entry()
        .messages(
            "1003",
            &[
                ClientMessage::location(&ann, "wamid.4", at(6)),
                ClientMessage::reaction(&ann, "wamid.5", at(7), "wamid.X"),
                ClientMessage::button_reply(&ann, "wamid.6", at(8), "#one"),
                ClientMessage::list_reply(&ann, "wamid.7", at(9), "#two").in_group("G1"),
            ],
        )
        .into_body();
    let read: Vec<_> = parsed(body)
        .items
        .iter()
        .map(|item| {
            let number = item.phone_number_id.as_ref().unwrap().as_str().to_owned();
            format!("{number} {:?}", item.content.as_ref().unwrap())
        })
        .collect();
    assert_eq!(
        read,
        [
            "1001 Message(text)",
            "1001 Message(image)",
            "1001 Message(audio)",
            "1002 Status(read)",
            "1002 Status(failed)",
            "1003 Message(location)",
            "1003 Message(reaction)",
            "1003 Message(interactive)",
            "1003 Message(interactive)",
        ]
    );
}

#[test]
fn a_post_of_3_megabytes_with_1000_clients_is_read_whole() {
    let text = "x".repeat(2_850);
    let messages: Vec<_> = (0..1000)
        .map(|n| {
            let client =
                Client::with_phone(&format!("4477009{n:05}")).and_bsuid(&format!("GB.{n}"));
            ClientMessage::text(&client, &format!("wamid.{n}"), at(n), &text)
        })
        .collect();
    let body = WebhookPost::new().messages("1001", &messages).into_body();
    assert!((2_900_000..3_200_000).contains(&body.len()), "{}", body.len());
    let post = parsed(&body);
    let bytes: usize = post.items.iter().map(|item| item.raw.get().len()).sum();
    assert_eq!(post.items.len(), 1000);
    assert!(bytes < body.len(), "every byte is in at most one item");
    assert!(post.items.iter().all(|item| message(item).from.bsuid.is_some()));
}

#[test]
fn nothing_personal_is_printed() {
    for body in [
        include_str!("../fixtures/every_kind.json"),
        include_str!("../fixtures/username_only.json"),
        include_str!("../fixtures/statuses.json"),
    ] {
        let printed = format!("{:?}", parsed(body));
        for personal in
            ["2025550", "7700900", "US.", "GB.", "wamid", "Ann", "Ben", "michael", "ann.a"]
        {
            assert!(!printed.contains(personal), "{personal} in {printed}");
        }
    }
}
