//! What the demo plays: every row of the flow table, and the special cases.

use domain::request::Outcome;

/// One scene: what the client does, and how each of its requests must end.
pub struct Scene {
    /// The row of the flow table, or what is special.
    pub row: &'static str,
    /// What happens, in a sentence.
    pub title: &'static str,
    /// The client.
    pub client: Person,
    /// What is done, in order.
    pub acts: &'static [Act],
}

/// A client of the play.
#[derive(Clone, Copy)]
pub struct Person {
    /// Who it is, for the programme.
    pub name: &'static str,
    /// Its phone number (reserved for fiction); empty for a client without one.
    pub phone: &'static str,
    /// Its business-scoped user id.
    pub bsuid: &'static str,
}

/// One thing that is done.
pub enum Act {
    /// The client sends a text to a number, and its request must end like this.
    Says(&'static str, &'static str, Outcome),
    /// The client sends something without words.
    Sends(&'static str, What, Outcome),
    /// The client sends a text twice in one post, under two message ids.
    SaysTwice(&'static str, &'static str, [Outcome; 2]),
    /// The same post comes twice: one request, one outcome.
    Repeats(&'static str, &'static str, Outcome),
    /// The client writes into its room on a secondary number.
    WritesInRoom(&'static str, &'static str),
    /// An operator registers a profile of the client; for this external company only, if named.
    Registered(Option<&'static str>),
    /// WhatsApp will refuse the next message from this number with this code.
    Refused(&'static str, i64),
    /// Time passes, in seconds.
    Later(i64),
    /// The client's next message was sent this many hours ago.
    SaysLate(&'static str, &'static str, i64, Outcome),
}

/// What can be sent without words.
#[derive(Clone, Copy)]
pub enum What {
    /// A voice message.
    Voice,
    /// A place.
    Location,
    /// An image with a caption that counts as text.
    ImageCaptioned(&'static str),
    /// A message in a group.
    InGroup(&'static str),
}

/// The head of the table that the demo prints at the end.
pub(super) const TABLE_HEAD: &str = "| row | scene | outcome | |\n|---|---|---|---|";

/// One row of it.
pub(super) fn table_row(row: &str, title: &str, outcomes: &[Outcome], good: bool) -> String {
    let outcomes: Vec<_> = outcomes.iter().map(|o| format!("`{}`", o.as_str())).collect();
    let verdict = if good { "as expected" } else { "NOT AS EXPECTED" };
    format!("| {row} | {title} | {} | {verdict} |", outcomes.join(", "))
}

/// The table of a play in which every outcome is the expected one, as the README shows it.
pub fn expected_table() -> String {
    let rows = SCENES.iter().map(|scene| {
        let outcomes: Vec<_> = scene.acts.iter().flat_map(Act::outcomes).collect();
        table_row(scene.row, scene.title, &outcomes, true)
    });
    std::iter::once(TABLE_HEAD.to_owned()).chain(rows).collect::<Vec<_>>().join("\n")
}

impl Act {
    /// How the requests of this act must end.
    fn outcomes(&self) -> Vec<Outcome> {
        match self {
            Self::Says(_, _, outcome)
            | Self::Sends(_, _, outcome)
            | Self::Repeats(_, _, outcome)
            | Self::SaysLate(_, _, _, outcome) => vec![*outcome],
            Self::SaysTwice(_, _, outcomes) => outcomes.to_vec(),
            Self::WritesInRoom(..) | Self::Registered(_) | Self::Refused(..) | Self::Later(_) => {
                vec![]
            }
        }
    }
}

const PRIMARY: &str = "100100";
const LONDON: &str = "100300";
const TRAINEES: &str = "100400";
const WEALTH: &str = "200100";

macro_rules! person {
    ($name:literal, $phone:literal, $bsuid:literal) => {
        Person { name: $name, phone: $phone, bsuid: $bsuid }
    };
}

/// The programme.
pub static SCENES: &[Scene] = &[
    Scene {
        row: "1",
        title: "A message without an extension gets the automatic reply",
        client: person!("Clara", "+12025550111", "US.clara"),
        acts: &[
            Act::Says(PRIMARY, "Hello, is anybody there?", Outcome::ExtensionMissing),
            Act::Sends(PRIMARY, What::Voice, Outcome::ExtensionMissing),
            Act::Sends(PRIMARY, What::Location, Outcome::ExtensionMissing),
        ],
    },
    Scene {
        row: "2",
        title: "Nobody, or nobody active, has the extension",
        client: person!("Clara", "+12025550111", "US.clara"),
        acts: &[
            Act::Says(PRIMARY, "#nobody", Outcome::UserNotFound),
            Act::Says(PRIMARY, "#gone", Outcome::UserNotFound),
        ],
    },
    Scene {
        row: "6, 7",
        title: "A new client is onboarded: profile, room, invitation, user info",
        client: person!("David", "+12025550112", "US.david"),
        acts: &[Act::Says(PRIMARY, "Hi #Michael, please call", Outcome::Onboarded)],
    },
    Scene {
        row: "3",
        title: "The client asks again: reminded in the room, by template or free text, once a minute",
        client: person!("David", "+12025550112", "US.david"),
        acts: &[
            Act::Says(PRIMARY, "#michael", Outcome::Reminded),
            Act::WritesInRoom("100101", "Hello Michael!"),
            Act::Says(PRIMARY, "#michael", Outcome::Reminded),
            Act::Later(61),
            Act::Says(PRIMARY, "#michael?", Outcome::Reminded),
        ],
    },
    Scene {
        row: "4",
        title: "One visible profile holds the client's number: it is taken",
        client: person!("Emma", "+12025550113", "US.emma"),
        acts: &[Act::Registered(None), Act::Says(PRIMARY, "#anna", Outcome::Onboarded)],
    },
    Scene {
        row: "5",
        title: "Several do: one is drawn at random",
        client: person!("Frank", "+12025550114", "US.frank"),
        acts: &[
            Act::Registered(None),
            Act::Registered(None),
            Act::Registered(Some("north-funds")),
            Act::Says(PRIMARY, "#anna", Outcome::Onboarded),
            Act::Says(PRIMARY, "#nora", Outcome::Onboarded),
        ],
    },
    Scene {
        row: "7",
        title: "The trainees have one number for one room: Greta gets it",
        client: person!("Greta", "+12025550115", "US.greta"),
        acts: &[Act::Says(TRAINEES, "#tim", Outcome::Onboarded)],
    },
    Scene {
        row: "8",
        title: "… and for Henry no secondary number is available",
        client: person!("Henry", "+12025550116", "US.henry"),
        acts: &[Act::Says(TRAINEES, "#tim", Outcome::NoSecondaryNumber)],
    },
    Scene {
        row: "number",
        title: "A British client gets the British number",
        client: person!("Iris", "+447700900111", "GB.iris"),
        acts: &[Act::Says(PRIMARY, "#anna", Outcome::Onboarded)],
    },
    Scene {
        row: "number",
        title: "A Canadian client gets an American number: Canada is mapped there",
        client: person!("Jack", "+16135550117", "CA.jack"),
        acts: &[Act::Says(PRIMARY, "#anna", Outcome::Onboarded)],
    },
    Scene {
        row: "number",
        title: "London has one British number for one room: Kate gets it",
        client: person!("Kate", "+447700900112", "GB.kate"),
        acts: &[Act::Says(LONDON, "#dom123456", Outcome::Onboarded)],
    },
    Scene {
        row: "number",
        title: "… so Liam's room is on a number of the parent unit's pool",
        client: person!("Liam", "+447700900113", "GB.liam"),
        acts: &[Act::Says(LONDON, "#dom123456", Outcome::Onboarded)],
    },
    Scene {
        row: "joined",
        title: "The same request twice in a moment: the second joins the first",
        client: person!("Mia", "+12025550118", "US.mia"),
        acts: &[Act::SaysTwice(PRIMARY, "#michael", [Outcome::Onboarded, Outcome::Joined])],
    },
    Scene {
        row: "repeated",
        title: "WhatsApp posts the same message twice: decided once",
        client: person!("Noah", "+12025550119", "US.noah"),
        acts: &[Act::Repeats(PRIMARY, "＃ＭＩＣＨＡＥＬ", Outcome::Onboarded)],
    },
    Scene {
        row: "bsuid",
        title: "A client with a username: no phone, no wa_id",
        client: person!("Olga", "", "GB.olga"),
        acts: &[Act::Sends(PRIMARY, What::ImageCaptioned("#anna 🙂"), Outcome::Onboarded)],
    },
    Scene {
        row: "prospect",
        title: "Auto promotion is off: a prospect is recorded",
        client: person!("Paul", "+12025550120", "US.paul"),
        acts: &[
            Act::Says(WEALTH, "hello", Outcome::ExtensionMissing),
            Act::Says(WEALTH, "#paula", Outcome::ProspectRecorded),
        ],
    },
    Scene {
        row: "expired",
        title: "A message that comes a week late is recorded and not answered",
        client: person!("Rosa", "+12025550121", "US.rosa"),
        acts: &[Act::SaysLate(PRIMARY, "#michael", 7 * 24, Outcome::Expired)],
    },
    Scene {
        row: "redirected",
        title: "A message to a secondary number without a room is sent to the primary",
        client: person!("Sam", "+12025550122", "US.sam"),
        acts: &[Act::Says("100101", "Hello?", Outcome::Redirected)],
    },
    Scene {
        row: "failed",
        title: "WhatsApp refuses the invitation: the room is closed, its number freed, the client told",
        client: person!("Tess", "+12025550123", "US.tess"),
        acts: &[
            Act::Refused("100101", 131_026),
            Act::Refused("100102", 131_026),
            Act::Says(PRIMARY, "#michael", Outcome::InvitationFailed),
        ],
    },
    Scene {
        row: "ignored",
        title: "A message in a group is not answered",
        client: person!("Uma", "+12025550124", "US.uma"),
        acts: &[Act::Sends(PRIMARY, What::InGroup("#michael"), Outcome::Ignored)],
    },
    Scene {
        row: "ignored",
        title: "A message from a number of our own is not answered: it could go round for ever",
        client: person!("Our own secondary", "+12025550101", ""),
        acts: &[Act::Says(PRIMARY, "#michael", Outcome::Ignored)],
    },
];
