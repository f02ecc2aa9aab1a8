//! Codes as small numbers, with what the report needs to know of each.

use super::{QuasiIdentifier, SensitiveGroup};
use events::Code;
use rustc_hash::FxHashMap;

/// What a code is to the report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    /// The column that it is a value of.
    pub column: Option<u16>,
    /// Can its occurrence be something that an adversary saw?
    pub point: bool,
    /// Bits of the sensitive groups that it is in.
    pub groups: u32,
}

/// All codes of the data set.
pub(super) struct Interner {
    ids: FxHashMap<Code, u32>,
    roles: Vec<Role>,
    systems: FxHashMap<String, u16>,
    groups: Vec<SensitiveGroup>,
}

impl Interner {
    pub fn new(columns: &[QuasiIdentifier], groups: Vec<SensitiveGroup>) -> Self {
        let systems = columns.iter().enumerate().filter_map(|(i, column)| match column {
            QuasiIdentifier::System(system) => Some((system.clone(), i as u16)),
            _ => None,
        });
        Interner { ids: FxHashMap::default(), roles: Vec::new(), systems: systems.collect(), groups }
    }

    /// The number of a code, which is given one when it is new.
    pub fn intern(&mut self, code: &Code) -> u32 {
        if let Some(id) = self.ids.get(code) {
            return *id;
        }
        let id = self.roles.len() as u32;
        let column = self.systems.get(code.system()).copied();
        let outline = matches!(code.as_str(), Code::BIRTH | Code::FOLLOWUP_END);
        let groups = self.groups.iter().enumerate().filter(|(_, group)| group.holds(code));
        self.roles.push(Role {
            column,
            point: column.is_none() && !outline,
            groups: groups.fold(0, |bits, (i, _)| bits | (1 << i)),
        });
        self.ids.insert(code.clone(), id);
        id
    }

    /// The number of a code that was seen before.
    pub fn get(&self, code: &Code) -> Option<u32> {
        self.ids.get(code).copied()
    }

    pub fn role(&self, id: u32) -> Role {
        self.roles[id as usize]
    }

    /// How many codes there are.
    pub fn len(&self) -> usize {
        self.roles.len()
    }

    pub fn groups(&self) -> &[SensitiveGroup] {
        &self.groups
    }
}
