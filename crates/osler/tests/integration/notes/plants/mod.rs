//! Identifiers that are planted into notes: what each is, and which of its characters would tell.

pub mod dates;
pub mod names;
pub mod numbers;
pub mod places;

use Class::*;

/// What is planted; the letter is that of 45 CFR 164.514(b)(2)(i).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    PatientName,
    RelativeName,
    ClinicianName,
    Employer,
    Street,
    City,
    County,
    Zip,
    Facility,
    Date,
    AgeOver89,
    Phone,
    Fax,
    Email,
    Ssn,
    Mrn,
    Plan,
    Account,
    Licence,
    Vehicle,
    Device,
    Url,
    Ip,
    Biometric,
    Photo,
    OtherId,
}

impl Class {
    pub const ALL: [Class; 26] = [
        PatientName,
        RelativeName,
        ClinicianName,
        Employer,
        Street,
        City,
        County,
        Zip,
        Facility,
        Date,
        AgeOver89,
        Phone,
        Fax,
        Email,
        Ssn,
        Mrn,
        Plan,
        Account,
        Licence,
        Vehicle,
        Device,
        Url,
        Ip,
        Biometric,
        Photo,
        OtherId,
    ];

    pub fn letter(self) -> char {
        match self {
            PatientName | RelativeName | ClinicianName | Employer => 'A',
            Street | City | County | Zip | Facility => 'B',
            Date | AgeOver89 => 'C',
            Phone => 'D',
            Fax => 'E',
            Email => 'F',
            Ssn => 'G',
            Mrn => 'H',
            Plan => 'I',
            Account => 'J',
            Licence => 'K',
            Vehicle => 'L',
            Device => 'M',
            Url => 'N',
            Ip => 'O',
            Biometric => 'P',
            Photo => 'Q',
            OtherId => 'R',
        }
    }

    pub fn is_name(self) -> bool {
        matches!(self, PatientName | RelativeName | ClinicianName)
    }
}

/// How a program could know that it is an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Knowledge {
    /// It is in the patient's chart.
    Chart,
    /// It is not, but its shape or the label before it gives it away.
    Shape,
    /// Only its sense does: a stranger's name, a town.
    Sense,
}

/// An identifier as it is written.
#[derive(Clone, Debug)]
pub struct Plant {
    /// Each character, and whether it must be hidden.
    pub chars: Vec<(char, bool)>,
    pub class: Class,
    pub style: &'static str,
    pub knowledge: Knowledge,
}

impl Plant {
    pub fn new(class: Class, style: &'static str, knowledge: Knowledge) -> Self {
        Plant { chars: Vec::new(), class, style, knowledge }
    }

    /// Adds words whose letters and digits must be hidden.
    pub fn secret(mut self, text: &str) -> Self {
        self.chars.extend(text.chars().map(|c| (c, c.is_alphanumeric())));
        self
    }

    /// Adds words that belong to it and tell nothing: a title, `Street`, an area's country prefix.
    pub fn plain(mut self, text: &str) -> Self {
        self.chars.extend(text.chars().map(|c| (c, false)));
        self
    }

    pub fn has_secret(&self) -> bool {
        self.chars.iter().any(|(_, secret)| *secret)
    }
}

/// A part of a note.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Words of the grammar: none is an identifier.
    Text(String),
    /// Words that look like an identifier and are none, with the kind of trap that they are.
    Term(&'static str, String),
    /// Words that one may hide or leave: a state, a year, a time of day, a profession.
    Neutral(String),
    Plant(Plant),
}

impl From<Plant> for Vec<Piece> {
    fn from(plant: Plant) -> Self {
        vec![Piece::Plant(plant)]
    }
}
