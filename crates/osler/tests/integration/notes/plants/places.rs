//! Addresses, towns and hospitals as they are written.

use super::super::dice::Dice;
use super::names::misread;
use super::{Class, Knowledge, Piece, Plant};

/// Where somebody lives.
#[derive(Clone, Debug)]
pub struct Address {
    pub number: String,
    /// The name of the road without its kind.
    pub road: String,
    /// `Street`, `Row`, …
    pub kind: String,
    /// `Apt`, `Unit` and its number.
    pub unit: Option<(String, String)>,
    pub city: String,
    pub state: String,
    pub zip: String,
    pub knowledge: Knowledge,
}

const SHORT_KINDS: &[(&str, &[&str])] = &[
    ("Street", &["St", "St.", "Str."]),
    ("Road", &["Rd", "Rd."]),
    ("Avenue", &["Ave", "Ave.", "Av"]),
    ("Drive", &["Dr", "Dr."]),
    ("Lane", &["Ln", "Ln."]),
    ("Court", &["Ct", "Ct."]),
    ("Boulevard", &["Blvd", "Blvd."]),
    ("Place", &["Pl", "Pl."]),
    ("Terrace", &["Ter", "Terr."]),
];

impl Address {
    /// `204 Stehr Row Apt 3` of a FHIR address line.
    pub fn read(line: &str, city: &str, state: &str, zip: &str, knowledge: Knowledge) -> Option<Self> {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let unit = match words.iter().position(|w| ["Apt", "Unit", "Suite"].contains(w)) {
            Some(at) if at + 1 < words.len() => {
                let unit = (words[at].to_owned(), words[at + 1].to_owned());
                words.truncate(at);
                Some(unit)
            }
            _ => None,
        };
        let (number, rest) = words.split_first()?;
        let (kind, road) = rest.split_last()?;
        (number.chars().all(|c| c.is_ascii_digit()) && !road.is_empty()).then(|| Address {
            number: (*number).to_owned(),
            road: road.join(" "),
            kind: (*kind).to_owned(),
            unit,
            city: city.to_owned(),
            state: state.to_owned(),
            zip: zip.to_owned(),
            knowledge,
        })
    }

    /// House, road and flat.
    pub fn street(&self, dice: &mut Dice) -> Plant {
        let style =
            dice.pick(&["as filed", "as filed", "abbreviated", "ALL CAPS", "OCR-like", "without flat"]);
        let kind = match style {
            "abbreviated" => self.short_kind(dice),
            _ => self.kind.clone(),
        };
        let road = match style {
            "OCR-like" => misread(&self.road, dice).unwrap_or_else(|| self.road.clone()),
            "ALL CAPS" => self.road.to_uppercase(),
            _ => self.road.clone(),
        };
        let plant = Plant::new(Class::Street, style, self.knowledge)
            .secret(&format!("{} {road}", self.number))
            .plain(" ")
            .plain(&if style == "ALL CAPS" { kind.to_uppercase() } else { kind });
        match &self.unit {
            Some((word, number)) if style != "without flat" => {
                let word = match style {
                    "abbreviated" => dice.pick(&["#", "Apt ", "apt. "]).to_owned(),
                    _ => format!("{word} "),
                };
                plant.plain(dice.pick(&[" ", ", "])).plain(&word).secret(number)
            }
            _ => plant,
        }
    }

    /// The road alone.
    pub fn road(&self, dice: &mut Dice) -> Plant {
        let kind = if dice.chance(0.5) { self.short_kind(dice) } else { self.kind.clone() };
        Plant::new(Class::Street, "road alone", self.by_sense()).secret(&self.road).plain(" ").plain(&kind)
    }

    /// What has no shape of its own is known from the chart or by its sense alone.
    fn by_sense(&self) -> Knowledge {
        if self.knowledge == Knowledge::Chart { Knowledge::Chart } else { Knowledge::Sense }
    }

    fn short_kind(&self, dice: &mut Dice) -> String {
        let short =
            SHORT_KINDS.iter().find(|(kind, _)| *kind == self.kind).map(|(_, short)| dice.pick(short));
        short.unwrap_or(&self.kind).to_owned()
    }

    pub fn city(&self, dice: &mut Dice) -> Plant {
        let style = dice.pick(&["as filed", "as filed", "as filed", "ALL CAPS"]);
        // Synthea's filing adds "Town" to some names; nobody says it.
        let name = self.city.trim_end_matches(" Town");
        let name = if style == "ALL CAPS" { name.to_uppercase() } else { name.to_owned() };
        Plant::new(Class::City, style, self.by_sense()).secret(&name)
    }

    /// The postal code; one that the chart doesn't hold must stand behind a state.
    pub fn zip(&self, dice: &mut Dice) -> Plant {
        let knowledge = if self.knowledge == Knowledge::Chart { Knowledge::Chart } else { Knowledge::Shape };
        match dice.chance(0.15) {
            true => Plant::new(Class::Zip, "ZIP+4", knowledge).secret(&format!(
                "{}-{}",
                self.zip,
                dice.pattern("8999")
            )),
            false => Plant::new(Class::Zip, "ZIP", knowledge).secret(&self.zip),
        }
    }

    /// All of it, on one line or two.
    pub fn whole(&self, dice: &mut Dice) -> Vec<Piece> {
        let line = dice.pick(&[", ", ", ", " ", "\n"]);
        let state = if dice.chance(0.7) { "MA" } else { self.state.as_str() };
        vec![
            Piece::Plant(self.street(dice)),
            Piece::Text(line.to_owned()),
            Piece::Plant(self.city(dice)),
            Piece::Text(dice.pick(&[", ", ", ", " "]).to_owned()),
            Piece::Neutral(state.to_owned()),
            Piece::Text(dice.pick(&[" ", " ", "  "]).to_owned()),
            Piece::Plant(self.zip(dice)),
        ]
    }
}

/// Words of institutions that tell nothing by themselves.
const PLAIN: &[&str] = &[
    "hospital",
    "medical",
    "center",
    "centre",
    "inc",
    "llc",
    "the",
    "of",
    "and",
    "for",
    "at",
    "in",
    "general",
    "memorial",
    "community",
    "clinic",
    "health",
    "healthcare",
    "care",
    "urgent",
    "walk",
    "outpatient",
    "group",
    "system",
    "systems",
    "services",
    "service",
    "associates",
    "association",
    "physicians",
    "physician",
    "doctors",
    "family",
    "primary",
    "practice",
    "medicine",
    "rehab",
    "rehabilitation",
    "children",
    "women",
    "corporation",
    "corp",
    "company",
    "pc",
    "prompt",
    "on",
    "call",
    "regional",
    "university",
    "department",
    "veterans",
    "affairs",
    "st",
    "saint",
    "s",
    "home",
    "nursing",
    "hospice",
    "house",
    "school",
    "college",
    "partners",
    "alliance",
    "unit",
    "skilled",
    "facility",
    "emergency",
    "room",
    "surgical",
    "specialty",
    "express",
    "immediate",
    "internal",
    "va",
    "pcp",
    "sons",
    "public",
    "elementary",
    "high",
    "bakery",
    "plumbing",
    "logistics",
    "brothers",
    "bros",
    "county",
];

/// An institution's name: its telling words, and those that every other has too.
pub fn institution(class: Class, name: &str, known: Knowledge, dice: &mut Dice) -> Vec<Piece> {
    let style = dice.pick(&["as filed", "Title Case", "Title Case", "shortened"]);
    let shouted = name.chars().all(|c| !c.is_lowercase());
    let mut name = name.trim_end_matches(", THE").to_owned();
    if style != "as filed" && shouted {
        name = title_case(&name);
    }
    if style == "shortened" {
        for tail in [" Inc", " - 1", "-1", ", Inc", " Llc", " Corporation"] {
            name = name.trim_end_matches(tail).to_owned();
        }
    }
    name.truncate(name.trim_end_matches([' ', '-', ',']).len());
    let mut plant = Plant::new(class, style, known);
    let mut word = String::new();
    for c in name.chars().chain(std::iter::once(' ')) {
        if c.is_alphanumeric() {
            word.push(c);
            continue;
        }
        let tells = word.chars().count() > 1 && !PLAIN.contains(&word.to_lowercase().as_str());
        plant = if tells { plant.secret(&word) } else { plant.plain(&word) };
        plant = plant.plain(&c.to_string());
        word.clear();
    }
    plant.chars.pop();
    match plant.has_secret() {
        true => vec![Piece::Plant(plant)],
        false => vec![Piece::Neutral(name)],
    }
}

fn title_case(text: &str) -> String {
    let mut start = true;
    text.chars()
        .map(|c| {
            let out = if start { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            start = !c.is_alphanumeric() && c != '\'';
            out
        })
        .collect()
}
