//! What the lexicon can say of a word.

use std::ops::{BitAnd, BitOr, BitOrAssign};

/// A set of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class(pub u64);

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $bit:literal $section:literal;)*) => {
        impl Class {
            $($(#[$doc])* pub const $name: Class = Class(1 << $bit);)*

            /// The class that a section of the hand-written lists stands for.
            pub fn of_section(section: &str) -> Option<Class> {
                match section {
                    $($section => Some(Class::$name),)*
                    _ => None,
                }
            }
        }
    };
}

classes! {
    /// An ordinary English word.
    ORDINARY = 0 "ordinary";
    /// A clinical word.
    CLINICAL = 1 "clinical";
    /// A medicine.
    MEDICINE = 2 "medicine";
    /// A first name.
    FIRST = 3 "first";
    /// A common first name.
    FIRST_COMMON = 4 "common first";
    /// A last name.
    LAST = 5 "last";
    /// A common last name.
    LAST_COMMON = 6 "common last";
    /// `Mr`, `Dr`.
    TITLE = 7 "title";
    /// `MD`, `RN`, `Jr`.
    CREDENTIAL = 8 "credential";
    /// `van`, `de la`.
    PARTICLE = 9 "particle";
    /// A month, whole or short.
    MONTH = 10 "month";
    /// A day of the week.
    WEEKDAY = 11 "weekday";
    /// `spring`.
    SEASON = 12 "season";
    /// `Christmas`.
    HOLIDAY = 13 "holiday";
    /// What follows an eponym: `disease`, `catheter`.
    EPONYM_NOUN = 14 "eponym noun";
    /// A name that stands for a disease, sign, score or instrument.
    EPONYM = 15 "eponym";
    /// `Hospital`, `Clinic`.
    FACILITY = 16 "facility";
    /// What stands in a facility's name: `Medical`, `Center`.
    FACILITY_WEAK = 17 "facility weak";
    /// A facility known by its own name.
    FACILITY_NAME = 18 "facility name";
    /// `Inc`, `GmbH`.
    ORGANIZATION_SUFFIX = 19 "organization suffix";
    /// `Street`, `Ave`.
    STREET_SUFFIX = 20 "street suffix";
    /// `Rue`, `Calle`.
    STREET_PREFIX = 21 "street prefix";
    /// `Apt`, `Suite`.
    ROOM = 22 "room";
    /// A state or province.
    STATE = 23 "state";
    /// A state's letters.
    STATE_LETTERS = 24 "state letters";
    /// A country.
    COUNTRY = 25 "country";
    /// A city or county.
    CITY = 26 "city";
    /// `Norwegian`, `Hindu`.
    NATIONALITY = 27 "nationality";
    /// `in`, `from`.
    PLACE_PREPOSITION = 28 "place preposition";
    /// What a name follows: `named`, `patient`.
    NAME_TRIGGER = 29 "name trigger";
    /// `mother`, `wife`.
    RELATION = 30 "relation";
    /// What people do: `said`, `lives`.
    PERSON_VERB = 31 "person verb";
    /// `ninety`.
    NUMBER_WORD = 32 "number word";
    /// `ICD`, `LOINC`.
    CODE_SYSTEM = 33 "code system";
    /// A unit of measure or what is counted.
    MEASURE = 34 "measure";
    /// A saint that hospitals are named after.
    SAINT = 35 "hospital saints";
    /// A phrase may begin here.
    OPENS_PHRASE = 36 "opens phrase";
    /// What calls an identifier by name: `MRN`, `account`.
    LABEL = 37 "label";
    /// An eponym that is said of its thing far more often than of a person: `Foley`.
    EPONYM_ALONE = 38 "eponym alone";
    /// A vehicle.
    VEHICLE = 39 "vehicle";
    /// What has a serial number.
    DEVICE_WORD = 40 "device";
    /// Letters that stand for something else than a person: `p.o.`, `NP`.
    ABBREVIATION = 41 "abbreviation";
    /// What a day stands behind: `on`, `since`, `seen`.
    DATE_WORD = 42 "date word";
    /// What stands behind a day: `visit`, `showed`.
    DATE_DONE = 43 "date done";
    /// What a score, a scale or a share stands behind: `GCS`, `strength`.
    SCORE = 44 "score";
    /// What stands behind a share: `nodes`, `of`.
    SHARED = 45 "share";
    /// What calls a plate by name.
    PLATE = 46 "plate";
    /// `fingerprint`, `iris`.
    BIOMETRIC = 47 "biometric";
    /// Kin by short names and in the plural: `mgm`, `sisters`.
    KIN = 48 "kin";
    /// Who is spoken of without a name: `she`, `patient`.
    PERSON = 49 "person";
    /// What is said of a life: `died`, `alive`.
    LIFE = 50 "life";
    /// What is measured in numbers like ages: `pulse`, `sat`.
    VITAL = 51 "vital";
    /// What someone does or is told in a note, more of it than `person verb`: counts beside who the chart knows.
    ACT = 52 "act";
}

impl Class {
    /// Nothing known.
    pub const NONE: Class = Class(0);
    /// Any name.
    pub const NAME: Class = Class(Self::FIRST.0 | Self::FIRST_COMMON.0 | Self::LAST.0 | Self::LAST_COMMON.0);
    /// A first name, common or not.
    pub const GIVEN: Class = Class(Self::FIRST.0 | Self::FIRST_COMMON.0);
    /// A last name, common or not.
    pub const FAMILY: Class = Class(Self::LAST.0 | Self::LAST_COMMON.0);
    /// A name many people have.
    pub const COMMON: Class = Class(Self::FIRST_COMMON.0 | Self::LAST_COMMON.0);
    /// What a clinical text is made of.
    pub const PLAIN: Class = Class(Self::ORDINARY.0 | Self::CLINICAL.0 | Self::MEDICINE.0);
    /// A place on a map.
    pub const PLACE: Class = Class(Self::CITY.0 | Self::STATE.0 | Self::COUNTRY.0);

    /// Whether any of `other`'s is in it.
    pub fn any(self, other: Class) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether nothing is known.
    pub fn is_none(self) -> bool {
        self.0
            & !(Self::OPENS_PHRASE.0
                | Self::LABEL.0
                | Self::VEHICLE.0
                | Self::DEVICE_WORD.0
                | Self::ABBREVIATION.0)
            == 0
    }
}

impl BitOr for Class {
    type Output = Class;
    fn bitor(self, other: Class) -> Class {
        Class(self.0 | other.0)
    }
}

impl BitOrAssign for Class {
    fn bitor_assign(&mut self, other: Class) {
        self.0 |= other.0;
    }
}

impl BitAnd for Class {
    type Output = Class;
    fn bitand(self, other: Class) -> Class {
        Class(self.0 & other.0)
    }
}
