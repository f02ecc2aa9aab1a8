//! Tiles of results on the matrix unit (Intel AMX).

use super::TILE;
use crate::panels::TileRow;
use std::arch::asm;
use std::arch::x86_64::{__cpuid_count, __get_cpuid_max};

/// Whether this processor has the unit, and this process may use it.
pub(super) fn are_there() -> bool {
    // CPUID, leaf 7: bit 22 of EDX is bfloat16 tiles, bit 24 tiles.
    let tiles =
        __get_cpuid_max(0).0 >= 7 && __cpuid_count(7, 0).edx & (1 << 22 | 1 << 24) == 1 << 22 | 1 << 24;
    tiles && ask_for_tiles()
}

/// Asks the system to keep tiles when it switches between threads; other systems than Linux have no such call.
fn ask_for_tiles() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: a system call that takes two numbers.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

/// All tiles are 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Configuration([u8; 64]);

static CONFIGURATION: Configuration = {
    let mut bytes = [0; 64];
    bytes[0] = 1;
    let mut tile = 0;
    while tile < 8 {
        bytes[16 + 2 * tile] = 64;
        bytes[48 + tile] = 16;
        tile += 1;
    }
    Configuration(bytes)
};

/// Sets the unit up; nothing but this module's own assembly uses tiles.
///
/// # Safety
/// [`are_there`] must hold.
pub(super) unsafe fn configure() {
    // SAFETY: sixty-four bytes as the instruction wants them.
    unsafe {
        asm!("ldtilecfg [{}]", in(reg) &raw const CONFIGURATION, options(nostack, preserves_flags, readonly));
    }
}

/// Gives the unit back, so that the system need not keep its tiles.
///
/// # Safety
/// [`are_there`] must hold.
pub(super) unsafe fn release() {
    // SAFETY: touches tiles alone.
    unsafe { asm!("tilerelease", options(nostack, preserves_flags, nomem)) };
}

/// The product of a part with a part, four tiles of results.
macro_rules! products {
    () => {
        "tdpbf16ps tmm0, tmm4, tmm6
         tdpbf16ps tmm1, tmm4, tmm7
         tdpbf16ps tmm2, tmm5, tmm6
         tdpbf16ps tmm3, tmm5, tmm7"
    };
}

macro_rules! load_left {
    ($part:literal) => {
        concat!(
            "tileloadd tmm4, [{a} + {row} + ",
            $part,
            " * 2048]\n",
            "tileloadd tmm5, [{a} + {row} + ",
            $part,
            " * 2048 + 1024]"
        )
    };
}

macro_rules! load_right {
    ($part:literal) => {
        concat!(
            "tileloadd tmm6, [{b} + {row} + ",
            $part,
            " * 2048]\n",
            "tileloadd tmm7, [{b} + {row} + ",
            $part,
            " * 2048 + 1024]"
        )
    };
}

/// Two tiles by two of results, `y`, rows `stride` apart: the sum over `steps` tiles of the inner dimension.
///
/// # Safety
/// The operands must hold `steps` tiles of `N` parts, the target 32 rows of 32 numbers, and tiles must be configured.
#[inline(always)]
pub(super) unsafe fn product<const N: usize>(
    (a, b, steps): (*const TileRow, *const TileRow, usize),
    (y, stride): (*mut f32, usize),
    add: bool,
) {
    macro_rules! run {
        ($step:literal, $($body:expr),*) => {
            asm!(
                "test {add:e}, {add:e}",
                "jz 3f",
                "tileloadd tmm0, [{y} + {stride}]",
                "tileloadd tmm1, [{y} + {stride} + 64]",
                "tileloadd tmm2, [{lower} + {stride}]",
                "tileloadd tmm3, [{lower} + {stride} + 64]",
                "jmp 2f",
                "3:",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                $($body,)*
                concat!("add {a}, ", $step),
                concat!("add {b}, ", $step),
                "dec {steps}",
                "jnz 2b",
                "tilestored [{y} + {stride}], tmm0",
                "tilestored [{y} + {stride} + 64], tmm1",
                "tilestored [{lower} + {stride}], tmm2",
                "tilestored [{lower} + {stride} + 64], tmm3",
                a = inout(reg) a => _,
                b = inout(reg) b => _,
                steps = inout(reg) steps => _,
                y = in(reg) y,
                lower = in(reg) y.wrapping_add(TILE * stride),
                stride = in(reg) stride * size_of::<f32>(),
                row = in(reg) 64_usize,
                add = in(reg) u32::from(add),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            )
        };
    }
    // SAFETY: as the caller promises.
    unsafe {
        match N {
            1 => run!("2048", load_left!(0), load_right!(0), products!()),
            _ => run!(
                "4096",
                load_left!(1),
                load_right!(0),
                products!(),
                load_left!(0),
                products!(),
                load_right!(1),
                products!()
            ),
        }
    }
}
