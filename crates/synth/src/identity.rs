//! Names, addresses and numbers that look like a person's and are nobody's.
//!
//! Telephone numbers are from the range kept for fiction (555-01xx), e-mail addresses from `example.org`, social
//! security numbers from area 9xx, which is never issued. Places are real, so that rules about small postal areas
//! have something to bite on; streets are invented.

use crate::person::{Person, Race};
use crate::random::Draws;
use events::Sex;

/// What identifies a person in a record.
#[derive(Clone, Debug)]
pub struct Identity {
    /// First name.
    pub given: &'static str,
    /// Second name.
    pub middle: &'static str,
    /// Family name.
    pub family: &'static str,
    /// House number and street.
    pub street: String,
    /// Town, state and postal code.
    pub place: (&'static str, &'static str, &'static str),
    /// Telephone.
    pub phone: String,
    /// E-mail.
    pub email: String,
    /// Medical record number.
    pub medical_record_number: String,
    /// In the form of a social security number.
    pub social_security_number: String,
    /// The physician in charge: given and family name.
    pub physician: (&'static str, &'static str),
    /// A relative: given name, kinship, telephone.
    pub contact: (&'static str, Kinship, String),
    /// Marital status, HL7 v3: `M`, `S`, `D` or `W`.
    pub marital_status: (&'static str, &'static str),
}

/// How a contact is related.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinship {
    /// Mother.
    Mother,
    /// Husband, wife or partner.
    Spouse,
    /// Son or daughter.
    Child,
}

impl Kinship {
    /// HL7 v2 relationship code and its name.
    pub const fn code(self) -> (&'static str, &'static str) {
        match self {
            Kinship::Mother => ("MTH", "mother"),
            Kinship::Spouse => ("SPS", "spouse"),
            Kinship::Child => ("CHILD", "child"),
        }
    }
}

const WOMEN: [&str; 40] = [
    "Abigail",
    "Agnes",
    "Amelia",
    "Beatrice",
    "Bridget",
    "Camille",
    "Cecilia",
    "Chloë",
    "Clara",
    "Delia",
    "Dorothy",
    "Edith",
    "Eleanor",
    "Estelle",
    "Fiona",
    "Florence",
    "Frances",
    "Grace",
    "Harriet",
    "Hazel",
    "Imogen",
    "Iris",
    "Jacqueline",
    "June",
    "Leona",
    "Lucille",
    "Mabel",
    "Marguerite",
    "Naomi",
    "Nora",
    "Opal",
    "Pearl",
    "Renée",
    "Rose",
    "Ruth",
    "Sylvia",
    "Tamara",
    "Violet",
    "Willa",
    "Zora",
];
const MEN: [&str; 40] = [
    "Abel",
    "Alfred",
    "Ambrose",
    "Barnaby",
    "Bernard",
    "Calvin",
    "Cedric",
    "Clarence",
    "Desmond",
    "Edgar",
    "Edmund",
    "Elias",
    "Emmett",
    "Ernest",
    "Felix",
    "Franklin",
    "Gilbert",
    "Gordon",
    "Harold",
    "Hugo",
    "Irving",
    "Jasper",
    "Jerome",
    "Julian",
    "Lambert",
    "Leon",
    "Lionel",
    "Malcolm",
    "Mark",
    "Nathaniel",
    "Oliver",
    "Percy",
    "Quentin",
    "Raymond",
    "Rupert",
    "Silas",
    "Theodore",
    "Ulysses",
    "Vernon",
    "Walter",
];
const WOMEN_SPANISH: [&str; 12] = [
    "Adriana",
    "Beatriz",
    "Catalina",
    "Dolores",
    "Esperanza",
    "Guadalupe",
    "Inés",
    "Lucía",
    "Marisol",
    "Pilar",
    "Rocío",
    "Ximena",
];
const MEN_SPANISH: [&str; 12] = [
    "Alejandro",
    "Benicio",
    "César",
    "Diego",
    "Esteban",
    "Héctor",
    "Ignacio",
    "José",
    "Martín",
    "Ramón",
    "Tomás",
    "Vicente",
];
const FAMILY: [&str; 60] = [
    "Abernathy",
    "Alcott",
    "Ashworth",
    "Barrow",
    "Bellamy",
    "Birch",
    "Blackwood",
    "Bowman",
    "Brightwell",
    "Calloway",
    "Carver",
    "Chandler",
    "Coldwell",
    "Cooper",
    "Crane",
    "Dalton",
    "Drummond",
    "Eastman",
    "Ellery",
    "Fairbanks",
    "Fletcher",
    "Foley",
    "Fox",
    "Garrison",
    "Gage",
    "Graves",
    "Hale",
    "Harding",
    "Hawthorne",
    "Holloway",
    "Ingram",
    "Jessup",
    "Kendrick",
    "Kimball",
    "Lockhart",
    "Loomis",
    "Marsh",
    "Mercer",
    "Merriweather",
    "Nightingale",
    "North",
    "O'Brien",
    "Osgood",
    "Parkinson",
    "Pemberton",
    "Penn",
    "Quimby",
    "Ransom",
    "Redfern",
    "Sawyer",
    "Shaw",
    "Sterling",
    "Stone",
    "Thatcher",
    "Underhill",
    "Vance",
    "Wainwright",
    "Whitlock",
    "Winslow",
    "York",
];
const FAMILY_SPANISH: [&str; 14] = [
    "Aguilar",
    "Benítez",
    "Cárdenas",
    "De la Cruz",
    "Escobar",
    "Fuentes",
    "Ibáñez",
    "Maldonado",
    "Núñez",
    "Ortega",
    "Peña",
    "Quiñones",
    "Salazar",
    "Villanueva",
];
const FAMILY_ASIAN: [&str; 14] = [
    "Bui", "Chan", "Choi", "Desai", "Fujita", "Huang", "Kapoor", "Lam", "Nguyen", "Park", "Reddy", "Sato",
    "Tran", "Zhou",
];
const STREETS: [&str; 20] = [
    "Alder Street",
    "Beacon Hill Road",
    "Canal Street",
    "Chestnut Avenue",
    "Dover Lane",
    "Elm Street",
    "Foundry Street",
    "Grove Avenue",
    "Harbor Road",
    "Juniper Court",
    "Kingfisher Way",
    "Lantern Lane",
    "Maple Street",
    "Mill Pond Road",
    "North Common",
    "Orchard Drive",
    "Quarry Road",
    "Ridge Avenue",
    "Saddler Street",
    "Water Street",
];
/// Some have fewer than 20,000 people in their three-digit area.
const PLACES: [(&str, &str, &str); 14] = [
    ("Springfield", "MA", "01103"),
    ("Worcester", "MA", "01604"),
    ("Pittsfield", "MA", "01201"),
    ("Boston", "MA", "02118"),
    ("Providence", "RI", "02903"),
    ("Concord", "NH", "03301"),
    ("Alstead", "NH", "03602"),
    ("Portland", "ME", "04101"),
    ("Burlington", "VT", "05401"),
    ("Brattleboro", "VT", "05301"),
    ("Averill", "VT", "05901"),
    ("Hartford", "CT", "06103"),
    ("New Haven", "CT", "06511"),
    ("Albany", "NY", "12207"),
];
const PHYSICIANS: [(&str, &str); 16] = [
    ("Miriam", "Adeyemi"),
    ("Conrad", "Baum"),
    ("Helen", "Castellanos"),
    ("Rohan", "Dasgupta"),
    ("Ingrid", "Ekström"),
    ("Paul", "Fitzgerald"),
    ("Leila", "Ghorbani"),
    ("Samuel", "Hirsch"),
    ("Ayumi", "Ishikawa"),
    ("Thomas", "Kowalczyk"),
    ("Esther", "Lindqvist"),
    ("Gabriel", "Moreau"),
    ("Nadia", "Okafor"),
    ("Victor", "Petrov"),
    ("Susan", "Rowntree"),
    ("Daniel", "Whitaker"),
];

fn given(person: &Person, sex: Sex, draws: &mut Draws) -> &'static str {
    let names: &'static [&'static str] = match (sex, person.hispanic && draws.chance(0.6)) {
        (Sex::Female, true) => &WOMEN_SPANISH,
        (Sex::Female, false) => &WOMEN,
        (_, true) => &MEN_SPANISH,
        (_, false) => &MEN,
    };
    let name: &&str = draws.pick(names);
    name
}

fn phone(place: (&str, &str, &str), draws: &mut Draws) -> String {
    let area = match place.1 {
        "MA" => 413,
        "RI" => 401,
        "NH" => 603,
        "ME" => 207,
        "VT" => 802,
        "CT" => 203,
        _ => 518,
    };
    format!("({area}) 555-01{:02}", draws.below(100))
}

impl Identity {
    /// An identity for a person whose age at the end of the record is known.
    pub(crate) fn draw(person: &Person, age: f64, draws: &mut Draws) -> Self {
        let first = given(person, person.sex, draws);
        let middle = given(person, person.sex, draws);
        let family = if person.hispanic && draws.chance(0.8) {
            *draws.pick(&FAMILY_SPANISH)
        } else if person.race == Race::Asian && draws.chance(0.85) {
            *draws.pick(&FAMILY_ASIAN)
        } else {
            *draws.pick(&FAMILY)
        };
        let place = *draws.pick(&PLACES);
        let street = format!("{} {}", 1 + draws.below(980), draws.pick(&STREETS));
        let plain =
            |name: &str| name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
        let email = format!("{}.{}{}@example.org", plain(first), plain(family), draws.below(100));
        let marital_status = if age < 20.0 {
            ("S", "Never Married")
        } else {
            *draws.weighted(&[
                (("M", "Married"), 0.5),
                (("S", "Never Married"), (0.9 - age / 80.0).max(0.05)),
                (("D", "Divorced"), 0.12),
                (("W", "Widowed"), ((age - 55.0) / 80.0).max(0.005)),
            ])
        };
        let kinship = if age < 20.0 {
            Kinship::Mother
        } else if marital_status.0 == "M" {
            Kinship::Spouse
        } else {
            Kinship::Child
        };
        let contact_sex = match kinship {
            Kinship::Mother => Sex::Female,
            Kinship::Spouse if person.sex == Sex::Female => Sex::Male,
            Kinship::Spouse => Sex::Female,
            Kinship::Child if draws.chance(0.5) => Sex::Female,
            Kinship::Child => Sex::Male,
        };
        let contact = (given(person, contact_sex, draws), kinship, phone(place, draws));
        Identity {
            given: first,
            middle,
            family,
            phone: phone(place, draws),
            street,
            place,
            email,
            medical_record_number: format!("{:08}", 10_000_000 + draws.below(89_999_999)),
            social_security_number: format!(
                "9{:02}-{:02}-{:04}",
                draws.below(100),
                1 + draws.below(99),
                1 + draws.below(9999)
            ),
            physician: *draws.pick(&PHYSICIANS),
            contact,
            marital_status,
        }
    }
}
