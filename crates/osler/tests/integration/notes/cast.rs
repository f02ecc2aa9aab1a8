//! Who and what one note is about: it turns the grammar's slots into identifiers of the chart, or of nobody's.

use super::chart::{Chart, Kin};
use super::dice::Dice;
use super::plants::dates::{self, House};
use super::plants::names::{self, Form, Person, Sex};
use super::plants::places::{self, Address};
use super::plants::{Class, Knowledge, Piece, Plant, numbers};
use super::pools;
use chrono::{Datelike, Duration, NaiveDate};

pub struct Cast<'a> {
    pub chart: &'a Chart,
    /// Nothing tells capitals: all are, or none is.
    caseless: bool,
    house: House,
    /// The day of the note.
    today: NaiveDate,
    kin: [(Kin, Knowledge); 2],
    doctors: [(Person, Knowledge); 2],
    stranger: Person,
    nurse: Person,
    elsewhere: Address,
}

impl<'a> Cast<'a> {
    pub fn new(chart: &'a Chart, caseless: bool, dice: &mut Dice) -> Self {
        let relative = |dice: &mut Dice| {
            let known = !chart.kin.is_empty() && dice.chance(0.7);
            if known {
                return (dice.choose(&chart.kin).clone(), Knowledge::Chart);
            }
            let (role, person) = pools::relative(&chart.patient, dice);
            (Kin { role: role.to_owned(), person, phone: None }, Knowledge::Sense)
        };
        let doctor = |dice: &mut Dice| match chart.clinicians.is_empty() || dice.chance(0.15) {
            true => (stranger(dice), Knowledge::Sense),
            false => (dice.choose(&chart.clinicians).clone(), Knowledge::Chart),
        };
        let today = if chart.days.is_empty() {
            chart.birth + Duration::days(9000)
        } else {
            *dice.choose(&chart.days)
        };
        Cast {
            chart,
            caseless,
            house: *dice.choose(&House::ALL),
            today,
            kin: [relative(dice), relative(dice)],
            doctors: [doctor(dice), doctor(dice)],
            stranger: stranger(dice),
            nurse: stranger(dice),
            elsewhere: pools::address(dice),
        }
    }

    /// The house's style of dates.
    pub fn house(&self) -> House {
        self.house
    }

    fn name(
        &self,
        who: &Person,
        class: Class,
        known: Knowledge,
        form: Form,
        dice: &mut Dice,
    ) -> Option<Vec<Piece>> {
        Some(names::name(who, class, known, form, self.caseless, dice).into())
    }

    fn day(&self, day: NaiveDate, form: dates::Form, dice: &mut Dice) -> Option<Vec<Piece>> {
        // Where nothing is capitalised, "may" and "march" alone are no months.
        let form = if form == dates::Form::Month && self.caseless { dates::Form::NoDay } else { form };
        Some(dates::date(day, form, self.house, dice).into())
    }

    fn years(&self) -> i64 {
        let (birth, today) = (self.chart.birth, self.today);
        let had_birthday = (today.month(), today.day()) >= (birth.month(), birth.day());
        i64::from(today.year() - birth.year()) - i64::from(!had_birthday)
    }

    /// A value of the chart where it has one, or an invented one of the class's shape.
    fn number(&self, class: Class, filed: &[String], dice: &mut Dice) -> Plant {
        match filed.is_empty() || dice.chance(0.15) {
            true => numbers::filed(class, &numbers::invented(class, dice), Knowledge::Shape, dice),
            false => numbers::filed(class, dice.choose::<String>(filed), Knowledge::Chart, dice),
        }
    }

    /// What a slot of the grammar stands for; `None` if it isn't one of the cast's.
    pub fn slot(&self, name: &str, dice: &mut Dice) -> Option<Vec<Piece>> {
        let (who, how) = name.split_once('.').unwrap_or((name, ""));
        let person = match who {
            "pt" => Some((&self.chart.patient, Class::PatientName, Knowledge::Chart)),
            "kin" => Some((&self.kin[0].0.person, Class::RelativeName, self.kin[0].1)),
            "kin2" => Some((&self.kin[1].0.person, Class::RelativeName, self.kin[1].1)),
            "doc" => Some((&self.doctors[0].0, Class::ClinicianName, self.doctors[0].1)),
            "doc2" => Some((&self.doctors[1].0, Class::ClinicianName, self.doctors[1].1)),
            "ext" => Some((&self.stranger, Class::ClinicianName, Knowledge::Sense)),
            "nurse" => Some((&self.nurse, Class::ClinicianName, Knowledge::Sense)),
            _ => None,
        };
        if let Some((person, class, known)) = person {
            let form = match how {
                "" => Form::Any,
                "full" => Form::Full,
                "short" => Form::Short,
                "s" => Form::Possessive,
                "init" => Form::Initials,
                "hl7" => Form::Hl7,
                other => panic!("{other} is no form of a name"),
            };
            return self.name(person, class, known, form, dice);
        }
        self.date(name, dice)
            .or_else(|| self.place(name, dice))
            .or_else(|| self.number_slot(name, dice))
            .or_else(|| self.word(name, dice))
    }

    fn date(&self, name: &str, dice: &mut Dice) -> Option<Vec<Piece>> {
        let ago = |low, high, dice: &mut Dice| self.today - Duration::days(dice.from(low, high));
        let recent = ago(0, 40, dice);
        match name {
            "today" => self.day(self.today, dates::Form::Whole, dice),
            "date" => self.day(recent, dates::Form::Whole, dice),
            "date.old" => self.day(ago(200, 6000, dice), dates::Form::Whole, dice),
            "date.next" => self.day(ago(-90, -2, dice), dates::Form::Whole, dice),
            "date.md" => self.day(recent, dates::Form::NoYear, dice),
            "date.my" => self.day(ago(60, 5000, dice), dates::Form::NoDay, dice),
            "date.m" => self.day(ago(30, 300, dice), dates::Form::Month, dice),
            "date.range" => self.day(recent, dates::Form::Range, dice),
            "dob" => self.day(self.chart.birth, dates::Form::Whole, dice),
            "dod" => self.day(self.chart.death.unwrap_or(self.today), dates::Form::Whole, dice),
            "age" => match self.years() {
                years if years > 89 => Some(dates::old_age(years, false).into()),
                years => Some(vec![Piece::Term("age", years.max(0).to_string())]),
            },
            "age.kin" => Some(vec![Piece::Term("age", dice.from(31, 89).to_string())]),
            "age90" => Some(dates::old_age(dice.from(90, 104), false).into()),
            "age90.words" => Some(dates::old_age(dice.from(90, 99), true).into()),
            _ => None,
        }
    }

    fn place(&self, name: &str, dice: &mut Dice) -> Option<Vec<Piece>> {
        let home = self.chart.address.as_ref().unwrap_or(&self.elsewhere);
        match name {
            "address" => Some(home.whole(dice)),
            "address.new" => Some(self.elsewhere.whole(dice)),
            "street" => Some(home.street(dice).into()),
            "street.new" => Some(self.elsewhere.street(dice).into()),
            "road" => Some(home.road(dice).into()),
            "road.new" => Some(self.elsewhere.road(dice).into()),
            "city" => Some(home.city(dice).into()),
            "city.new" => match &self.chart.birthplace {
                Some(town) if dice.chance(0.3) => {
                    Some(Plant::new(Class::City, "birthplace", Knowledge::Chart).secret(town).into())
                }
                _ => Some(
                    Plant::new(Class::City, "as filed", Knowledge::Sense).secret(pools::town(dice)).into(),
                ),
            },
            "zip" => Some(home.zip(dice).into()),
            "county" => {
                let plant = Plant::new(Class::County, "County", Knowledge::Shape);
                Some(plant.secret(pools::county(dice)).plain(" County").into())
            }
            "hospital" if !self.chart.hospitals.is_empty() => {
                let (name, _) = dice.choose(&self.chart.hospitals);
                Some(places::institution(Class::Facility, name, Knowledge::Chart, dice))
            }
            "hospital" | "hospital.new" => {
                let name = pools::hospital(dice);
                Some(places::institution(Class::Facility, &name, Knowledge::Sense, dice))
            }
            "employer" => {
                let name = pools::employer(dice);
                Some(places::institution(Class::Employer, &name, Knowledge::Sense, dice))
            }
            _ => None,
        }
    }

    fn number_slot(&self, name: &str, dice: &mut Dice) -> Option<Vec<Piece>> {
        let chart = self.chart;
        let plant = match name {
            "phone" => match chart.phones.is_empty() {
                true => numbers::phone(Class::Phone, &dice.pattern("617-899-9999"), Knowledge::Shape, dice),
                false => {
                    numbers::phone(Class::Phone, dice.choose::<String>(&chart.phones), Knowledge::Chart, dice)
                }
            },
            "phone.kin" => match &self.kin[0].0.phone {
                Some(phone) => numbers::phone(Class::Phone, phone, Knowledge::Chart, dice),
                None => numbers::phone(Class::Phone, &dice.pattern("508-899-9999"), Knowledge::Shape, dice),
            },
            "phone.hospital" => match chart.hospitals.iter().find_map(|(_, phone)| phone.as_ref()) {
                Some(phone) => numbers::phone(Class::Phone, phone, Knowledge::Chart, dice),
                None => numbers::phone(Class::Phone, &dice.pattern("781-899-9999"), Knowledge::Shape, dice),
            },
            "phone.new" => {
                numbers::phone(Class::Phone, &dice.pattern("899-899-9999"), Knowledge::Shape, dice)
            }
            "fax" => numbers::phone(Class::Fax, &dice.pattern("899-899-9999"), Knowledge::Shape, dice),
            "email" => match chart.emails.is_empty() {
                true => numbers::email(&numbers::email_of(&chart.patient, dice), Knowledge::Shape, dice),
                false => numbers::email(dice.choose::<String>(&chart.emails), Knowledge::Chart, dice),
            },
            "email.new" => numbers::email(&numbers::email_of(&self.stranger, dice), Knowledge::Shape, dice),
            "ssn" | "ssn4" => match &chart.ssn {
                Some(ssn) => numbers::ssn(ssn, Knowledge::Chart, name == "ssn4", dice),
                None => numbers::ssn(&dice.pattern("899-99-9999"), Knowledge::Shape, name == "ssn4", dice),
            },
            "mrn" => self.number(Class::Mrn, &chart.mrns, dice),
            "mrn.bare" => match chart.mrns.first() {
                Some(mrn) => numbers::filed(Class::Mrn, mrn, Knowledge::Chart, dice),
                None => return None,
            },
            "member" => self.number(Class::Plan, &chart.plans, dice),
            "account" => self.number(Class::Account, &chart.accounts, dice),
            "licence" => self.number(Class::Licence, chart.licence.as_slice(), dice),
            "licence.new" => self.number(Class::Licence, &[], dice),
            "passport" => self.number(Class::OtherId, chart.passport.as_slice(), dice),
            "serial" => self.number(Class::Device, &chart.serials, dice),
            "udi" => match chart.udis.first() {
                Some(udi) => Plant::new(Class::Device, "UDI", Knowledge::Chart).secret(udi),
                None => {
                    let udi = numbers::udi(&numbers::invented(Class::Device, dice), dice);
                    Plant::new(Class::Device, "UDI", Knowledge::Shape).secret(&udi)
                }
            },
            "plate" => numbers::vehicle(false, dice),
            "vin" => numbers::vehicle(true, dice),
            "url" => numbers::url(&chart.patient, dice),
            "ip" => numbers::ip(dice),
            "biometric" => self.number(Class::Biometric, &[], dice),
            "photo" => numbers::photo(&chart.patient, Knowledge::Chart, dice),
            "other" => numbers::other(dice),
            "handle" => numbers::handle(&chart.patient, dice),
            _ => return None,
        };
        Some(plant.into())
    }

    /// Words that depend on the people, and those that may be hidden or left.
    fn word(&self, name: &str, dice: &mut Dice) -> Option<Vec<Piece>> {
        let text = |text: &str| Some(vec![Piece::Text(text.to_owned())]);
        let neutral = |text: &str| Some(vec![Piece::Neutral(text.to_owned())]);
        let by_sex =
            |sex: Sex, female: &str, male: &str| text(if sex == Sex::Female { female } else { male });
        let sex = self.chart.patient.sex;
        match name {
            "he" => by_sex(sex, "she", "he"),
            "He" => by_sex(sex, "She", "He"),
            "him" => by_sex(sex, "her", "him"),
            "his" => by_sex(sex, "her", "his"),
            "His" => by_sex(sex, "Her", "His"),
            "man" => by_sex(sex, "woman", "man"),
            "M" => by_sex(sex, "F", "M"),
            "sex" => by_sex(sex, "female", "male"),
            "role" => text(&self.kin[0].0.role),
            "role2" => text(&self.kin[1].0.role),
            "maiden" => match &self.chart.maiden {
                Some(maiden) => {
                    Some(Plant::new(Class::PatientName, "maiden", Knowledge::Chart).secret(maiden).into())
                }
                None => {
                    self.name(&self.chart.patient, Class::PatientName, Knowledge::Chart, Form::Full, dice)
                }
            },
            "time" => {
                let (h, m) = (dice.from(0, 23), dice.from(0, 59));
                match dice.below(3) {
                    0 => neutral(&format!("{h:02}:{m:02}")),
                    1 => neutral(&format!("{h:02}{m:02}")),
                    _ => neutral(&format!(
                        "{}:{m:02} {}",
                        if h % 12 == 0 { 12 } else { h % 12 },
                        if h < 12 { "AM" } else { "PM" }
                    )),
                }
            }
            "year" => neutral(&(self.today.year() - dice.from(1, 20) as i32).to_string()),
            "weekday" => neutral(dice.pick(&[
                "Monday",
                "Tuesday",
                "Wednesday",
                "Thursday",
                "Friday",
                "Saturday",
                "Sunday",
            ])),
            "state" => neutral(dice.pick(&["Massachusetts", "Maine", "Ohio", "Texas", "Rhode Island"])),
            "job" => neutral(dice.pick(&[
                "teacher",
                "electrician",
                "line cook",
                "bus driver",
                "accountant",
                "retired carpenter",
                "software engineer",
                "nurse",
                "warehouse worker",
                "fisherman",
                "farmer",
                "attorney",
                "student",
                "homemaker",
            ])),
            "hl7.date" => {
                let style = "20190314";
                Some(
                    Plant::new(Class::Date, style, Knowledge::Shape)
                        .secret(&self.today.format("%Y%m%d").to_string())
                        .into(),
                )
            }
            "hl7.dob" => {
                let style = "20190314";
                Some(
                    Plant::new(Class::Date, style, Knowledge::Shape)
                        .secret(&self.chart.birth.format("%Y%m%d").to_string())
                        .into(),
                )
            }
            "hl7.time" => {
                let stamp = format!("{}{}", self.today.format("%Y%m%d"), dice.pattern("1130"));
                let (day, time) = stamp.split_at(8);
                let plant = Plant::new(Class::Date, "201903141130", Knowledge::Shape);
                Some(plant.secret(day).plain(time).into())
            }
            _ => None,
        }
    }
}

fn stranger(dice: &mut Dice) -> Person {
    let sex = pools::sex(dice);
    pools::person(sex, dice)
}
