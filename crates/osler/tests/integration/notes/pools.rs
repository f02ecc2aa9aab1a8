//! Strangers, towns, employers: what a note mentions and no chart holds.

use super::dice::Dice;
use super::plants::Knowledge;
use super::plants::names::{Person, Sex};
use super::plants::places::Address;

const WOMEN: &[&str] = &[
    "Elizabeth",
    "Margaret",
    "Katherine",
    "Patricia",
    "Deborah",
    "Susan",
    "Barbara",
    "Jennifer",
    "Eleanor",
    "Dorothy",
    "Rebecca",
    "Victoria",
    "Guadalupe",
    "Abigail",
    "Rose",
    "Grace",
    "Hope",
    "Faith",
    "Joy",
    "May",
    "Aoife",
    "Siobhán",
    "Zoë",
    "Inés",
    "Nguyet",
    "Xiaoling",
    "Priya",
    "Fatima",
    "Oluwaseun",
    "Ingrid",
    "Yasmin",
    "Chloé",
    "Svetlana",
    "Mei",
    "Rosalía",
    "Tatiana",
    "Keisha",
    "Latoya",
    "Hyun-ju",
    "Anneliese",
    "Dawn",
    "Iris",
    "Pamela",
    "Sandra",
    "Kimberly",
    "Jacqueline",
    "Veronica",
    "Josephine",
    "Thandiwe",
    "Marisol",
    "Leilani",
];
const MEN: &[&str] = &[
    "Robert",
    "William",
    "Richard",
    "James",
    "Thomas",
    "Charles",
    "Joseph",
    "Anthony",
    "Samuel",
    "Benjamin",
    "Christopher",
    "Nicholas",
    "Kenneth",
    "Ronald",
    "Francisco",
    "José",
    "Theodore",
    "Lawrence",
    "Will",
    "Mark",
    "Bill",
    "Art",
    "Guy",
    "Rich",
    "Gene",
    "Björn",
    "André",
    "Raúl",
    "Wei",
    "Hiroshi",
    "Mohammed",
    "Abdulrahman",
    "Oleksandr",
    "Kwame",
    "Tadhg",
    "Nikhil",
    "Søren",
    "Jürgen",
    "Đorđe",
    "Tomás",
    "Chukwuemeka",
    "Dale",
    "Miles",
    "Harold",
    "Walter",
    "Gabriel",
    "Nathaniel",
    "Frederick",
    "Philip",
    "DeShawn",
    "Jean-Luc",
    "Kai",
    "Rashad",
];
const FAMILIES: &[&str] = &[
    "O'Brien",
    "McAllister",
    "MacDonald",
    "van der Berg",
    "de la Cruz",
    "Nguyen",
    "Ng",
    "Li",
    "Wu",
    "Ho",
    "Al-Rashid",
    "García-Márquez",
    "Smith-Jones",
    "St. Clair",
    "Young",
    "Brown",
    "Long",
    "Price",
    "Page",
    "Short",
    "Head",
    "Stone",
    "Cook",
    "Case",
    "Chase",
    "Hand",
    "Grant",
    "Walker",
    "Hill",
    "Bell",
    "Ward",
    "Little",
    "Müller",
    "Łukasiewicz",
    "Ångström",
    "Dvořák",
    "Kowalczyk",
    "Papadopoulos",
    "Okonkwo",
    "Adeyemi",
    "Chaudhry",
    "Ramanathan",
    "Venkataraman",
    "Yamamoto",
    "Park",
    "Kim",
    "Tran",
    "Petrov",
    "Ivanova",
    "Haddad",
    "Cohen",
    "Goldstein",
    "Fitzgerald",
    "D'Angelo",
    "Di Stefano",
    "Esposito",
    "Johansson",
    "Nuñez",
    "Peña",
    "Ibáñez",
    "Whitfield",
    "Thistlewood",
    "Abernathy",
    "Castellanos",
    "Quackenbush",
    "Featherstone",
    "Zielinski",
    "Ogunleye",
    "Bhattacharya",
    "Tsosie",
    "Kealoha",
    "Nakamura",
    "Delacroix",
    "Lindqvist",
    "Mbeki",
    "Arslan",
    "Fisher",
    "Reyes",
    "Hollingsworth",
    "Vandermeer",
    "Sandoval",
    "Iwu",
    "Ximenez",
    "Pruitt",
    "Ledbetter",
    "Crabtree",
    "Schwartzman",
];
const TOWNS: &[&str] = &[
    "Providence",
    "Nashua",
    "Bangor",
    "Hartford",
    "Albany",
    "Tulsa",
    "Chattanooga",
    "San Juan",
    "Ponce",
    "Reno",
    "Fresno",
    "Duluth",
    "Eau Claire",
    "Baton Rouge",
    "Mobile",
    "Orange",
    "Normal",
    "Peoria",
    "Toledo",
    "Lagos",
    "Kraków",
    "Guadalajara",
    "Manila",
    "Da Nang",
    "Port-au-Prince",
    "Cork",
    "São Paulo",
    "Bergen",
    "Lyon",
    "Pune",
    "Spokane",
    "Yakima",
    "Flagstaff",
    "Santa Fe",
    "Lubbock",
    "Shreveport",
    "Biloxi",
    "Dover",
    "Bath",
    "Surprise",
    "Schenectady",
    "Poughkeepsie",
    "Kalamazoo",
    "Terre Haute",
    "Winnipeg",
    "Saskatoon",
    "Oaxaca",
    "Gdańsk",
    "Izmir",
];
const ROADS: &[&str] = &[
    "Maple",
    "Elm",
    "Washington",
    "Prospect",
    "Old Mill",
    "Cedar Hill",
    "Lincoln",
    "Harbor View",
    "Tremont",
    "Martin Luther King",
    "Sunset",
    "Chestnut",
    "Kosciuszko",
    "Ridge",
    "Cobblestone",
    "Juniper",
    "Ferncroft",
    "Orchard",
];
const ROAD_KINDS: &[&str] =
    &["Street", "Road", "Avenue", "Drive", "Lane", "Court", "Boulevard", "Place", "Terrace"];
const COUNTIES: &[&str] = &[
    "Middlesex",
    "Essex",
    "Norfolk",
    "Hampden",
    "Berkshire",
    "Plymouth",
    "Bristol",
    "Franklin",
    "Hampshire",
    "Barnstable",
];

/// A woman or a man.
pub fn sex(dice: &mut Dice) -> Sex {
    if dice.chance(0.5) { Sex::Female } else { Sex::Male }
}

/// Somebody.
pub fn person(sex: Sex, dice: &mut Dice) -> Person {
    let given = dice.pick(if sex == Sex::Female { WOMEN } else { MEN });
    Person::new(given, dice.pick(FAMILIES), sex)
}

/// Somebody with a middle name, a suffix, or both.
pub fn hard_person(sex: Sex, dice: &mut Dice) -> Person {
    let mut person = person(sex, dice);
    if dice.chance(0.6) {
        person.middle = Some(dice.pick(if sex == Sex::Female { WOMEN } else { MEN }).to_owned());
    }
    if sex == Sex::Male && dice.chance(0.2) {
        person.suffix = Some(dice.pick(&["Jr.", "Sr.", "III", "II"]).to_owned());
    }
    person
}

/// A relative of somebody, who may bear the same family name.
pub fn relative(of: &Person, dice: &mut Dice) -> (&'static str, Person) {
    const ROLES: &[(&str, Sex)] = &[
        ("wife", Sex::Female),
        ("husband", Sex::Male),
        ("daughter", Sex::Female),
        ("son", Sex::Male),
        ("sister", Sex::Female),
        ("brother", Sex::Male),
        ("father", Sex::Male),
        ("niece", Sex::Female),
        ("nephew", Sex::Male),
        ("partner", Sex::Male),
        ("roommate", Sex::Female),
        ("neighbor", Sex::Male),
        ("grandson", Sex::Male),
        ("aunt", Sex::Female),
    ];
    let (role, sex) = *dice.choose(ROLES);
    let mut person = person(sex, dice);
    if dice.chance(0.5) {
        person.family = of.family.clone();
    }
    (role, person)
}

pub fn town(dice: &mut Dice) -> &'static str {
    dice.pick(TOWNS)
}

pub fn county(dice: &mut Dice) -> &'static str {
    dice.pick(COUNTIES)
}

/// An address that no chart holds; house, road and kind of road give it its shape.
pub fn address(dice: &mut Dice) -> Address {
    Address {
        number: dice.any_pattern(&["8", "89", "899", "8999"]),
        road: dice.pick(ROADS).to_owned(),
        kind: dice.pick(ROAD_KINDS).to_owned(),
        unit: dice.chance(0.3).then(|| ("Apt".to_owned(), dice.any_pattern(&["8", "89", "8A"]))),
        city: town(dice).to_owned(),
        state: dice.pick(&["Massachusetts", "New York", "Ohio", "Texas"]).to_owned(),
        zip: dice.pattern("89999"),
        knowledge: Knowledge::Shape,
    }
}

/// Who one works for.
pub fn employer(dice: &mut Dice) -> String {
    let family = dice.pick(FAMILIES);
    match dice.below(6) {
        0 => format!("{family} & Sons Plumbing"),
        1 => format!("{family} Brothers Logistics"),
        2 => format!("{family} Bakery"),
        3 => format!("{} Elementary School", dice.pick(ROADS)),
        4 => format!("{} Public Schools", town(dice)),
        _ => dice
            .pick(&["Raytheon", "Stop & Shop", "Wegmans", "Fidelity", "Gillette", "Amtrak", "Zipcar"])
            .to_owned(),
    }
}

/// A hospital elsewhere.
pub fn hospital(dice: &mut Dice) -> String {
    match dice.below(4) {
        0 => format!("{} General Hospital", town(dice)),
        1 => format!("St. {}'s Medical Center", dice.pick(&["Brendan", "Casimir", "Philomena", "Cuthbert"])),
        2 => format!("{} Memorial Hospital", dice.pick(FAMILIES)),
        _ => format!("{} Skilled Nursing Facility", dice.pick(ROADS)),
    }
}
