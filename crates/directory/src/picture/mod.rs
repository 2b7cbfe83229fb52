//! One company at one version in memory: what decisions look up.

mod lines;
mod pools;
mod words;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use domain::company::{CompanyFacts, Limits, Line, NumberSpec, UserFacts};
use domain::consent::Wish;
use domain::flow::Standing;
use domain::identity::{Country, PhoneNumber, Sender};
use domain::ids::{CompanyId, ExternalCompanyId, OuId, PhoneNumberId, PoolId, UserId};
use domain::{Extension, Language};

use self::lines::Lines;
use self::pools::Units;
use self::words::Words;
use crate::model::{Company, OfficialAccount, User};

/// One company at one version. Cheap to clone; every lookup takes the same short time
/// however large the company is.
#[derive(Clone)]
pub struct Picture(Arc<Inner>);

struct Inner {
    version: u64,
    company: Company,
    words: Words,
    external_companies: HashSet<ExternalCompanyId>,
    /// Places in `company.users`.
    users: HashMap<UserId, usize>,
    /// Places in `company.users`, of the active ones.
    extensions: HashMap<Extension, usize>,
    lines: Lines,
    units: Units,
    pools: BTreeMap<PoolId, Vec<NumberSpec>>,
}

impl Picture {
    /// The picture of a company in the version in which it is so.
    pub fn new(version: u64, company: Company) -> Self {
        let users = company.users.iter().enumerate();
        let extensions = users.clone().filter(|(_, user)| user.active);
        Self(Arc::new(Inner {
            version,
            words: Words::new(&company),
            external_companies: company.external_companies.iter().map(|it| it.id.clone()).collect(),
            extensions: extensions.filter_map(|(at, u)| Some((u.extension.clone()?, at))).collect(),
            users: users.map(|(at, user)| (user.id.clone(), at)).collect(),
            lines: Lines::new(&company),
            units: Units::new(&company),
            pools: pools::specs(&company),
            company,
        }))
    }

    /// The version of the directory in which the company became so.
    pub fn version(&self) -> u64 {
        self.0.version
    }

    /// The company.
    pub fn company_id(&self) -> &CompanyId {
        &self.0.company.id
    }

    /// Everything of the company, as the file has it.
    pub fn company(&self) -> &Company {
        &self.0.company
    }

    /// What decisions record of the company, with the texts for clients from a country.
    pub fn company_facts(&self, client_country: Option<Country>) -> CompanyFacts {
        self.company_facts_for(None, client_country)
    }

    /// The languages that the company says things in.
    pub fn languages(&self) -> impl Iterator<Item = &Language> {
        self.0.words.languages()
    }

    /// What decisions record of the company, with the texts for clients who read this language, if
    /// the company has it, else for those from a country.
    pub fn company_facts_for(
        &self,
        language: Option<&Language>,
        client_country: Option<Country>,
    ) -> CompanyFacts {
        let company = &self.0.company;
        CompanyFacts {
            directory_version: self.0.version,
            name: company.name.clone(),
            auto_promotion: company.features.auto_promotion,
            unique_phone_number: company.features.unique_phone_number,
            timing: company.timing.into(),
            texts: self.0.words.for_client(language, client_country).clone(),
        }
    }

    /// What a message says about templates: if its whole text is one of the company's words, in
    /// whichever language, and nothing else.
    pub fn wish(&self, text: &str) -> Option<Wish> {
        self.0.words.wish(text)
    }

    /// The word by which clients who read this language, if the company has it, else those from a
    /// country get templates again, for texts.
    pub fn start_word(&self, own: Option<&Language>, client_country: Option<Country>) -> &str {
        self.0.words.start_word(own, client_country)
    }

    /// How much of what one client asks is answered.
    pub fn limits(&self) -> Limits {
        self.0.company.limits.into()
    }

    /// The active user that an extension names.
    pub fn user_by_extension(&self, extension: &Extension) -> Option<UserFacts> {
        self.0.extensions.get(extension).map(|at| facts(&self.0.company.users[*at]))
    }

    /// A user who is active.
    pub fn active_user(&self, id: &UserId) -> Option<UserFacts> {
        self.user(id).filter(|user| user.active).map(facts)
    }

    /// A user, active or not.
    pub fn user(&self, id: &UserId) -> Option<&User> {
        self.0.users.get(id).map(|at| &self.0.company.users[*at])
    }

    /// Whether the company has this external company.
    pub fn has_external_company(&self, id: &ExternalCompanyId) -> bool {
        self.0.external_companies.contains(id)
    }

    /// What a number is used for; `None` if it is not the company's.
    pub fn line(&self, number: &PhoneNumberId) -> Option<Line> {
        self.0.lines.line(number).cloned()
    }

    /// One of the company's official accounts.
    pub fn account(&self, number: &PhoneNumberId) -> Option<&OfficialAccount> {
        self.0.lines.place(number).map(|at| &self.0.company.official_accounts[at])
    }

    /// How clients see a number that carries rooms; `None` if it is no secondary.
    pub fn secondary_display(&self, number: &PhoneNumberId) -> Option<&PhoneNumber> {
        let is_secondary = matches!(self.0.lines.line(number)?, Line::Secondary { .. });
        self.account(number).filter(|_| is_secondary).map(|account| &account.display_number)
    }

    /// What the company has of what a room stands on.
    pub fn standing(&self, user: &UserId, number: &PhoneNumberId) -> Standing {
        Standing {
            user: self.active_user(user),
            has_number: self.secondary_display(number).is_some(),
        }
    }

    /// Whether an earlier picture has something for rooms to stand on that this one has not: an
    /// active user, a user's external company, a secondary number. As long as the company is large.
    pub fn takes_away_from(&self, earlier: &Self) -> bool {
        let mut active = earlier.company().users.iter().filter(|user| user.active);
        let mut numbers = earlier.pools().values().flatten();
        let has_user = |user: &User| {
            self.user(&user.id).is_some_and(|now| {
                let mut external = user.external_companies.iter();
                now.active && external.all(|it| now.external_companies.contains(it))
            })
        };
        !active.all(has_user) || !numbers.all(|it| self.secondary_display(&it.number).is_some())
    }

    /// Whether one of the company's own numbers wrote a message: answering it could
    /// start a conversation of machines.
    pub fn is_own_number(&self, sender: &Sender) -> bool {
        self.0.lines.is_own(sender)
    }

    /// The numbers of each pool that carry rooms.
    pub fn pools(&self) -> &BTreeMap<PoolId, Vec<NumberSpec>> {
        &self.0.pools
    }

    /// The primary that clients of a unit's users write to: that of the first pool of
    /// [`Picture::pool_chain`].
    pub fn primary_for(&self, unit: &OuId) -> Option<&OfficialAccount> {
        let pool = self.chain(unit).next()?;
        self.account(&pool.primary)
    }
}

/// Without anything that it holds: names are in there.
impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} at version {})", self.company_id(), self.version())
    }
}

fn facts(user: &User) -> UserFacts {
    UserFacts {
        user_id: user.id.clone(),
        name: user.name.clone(),
        extension: user.extension.clone(),
        ou: user.ou.clone(),
        external_companies: user.external_companies.clone(),
    }
}
