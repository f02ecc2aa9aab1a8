use super::*;
use crate::decoder::Decoder;
use crate::layers::dropout::Dropout;
use crate::model::Model;
use crate::pack::{Pack, Targets};
use crate::weights::BlockSlots;
use crate::window::Window;
use timeline::Sequence;

const SHAPE: StackConfig = StackConfig {
    width: 64,
    layers: 3,
    heads: 4,
    key_value_heads: 2,
    feed_forward: 96,
    context: 128,
    rotary_base: 10_000.0,
    norm_epsilon: 1e-5,
};

fn model() -> Model {
    let config = Config {
        width: SHAPE.width,
        layers: SHAPE.layers,
        heads: SHAPE.heads,
        key_value_heads: SHAPE.key_value_heads,
        feed_forward: SHAPE.feed_forward,
        context: SHAPE.context,
        rotary: Rotary::Index { base: SHAPE.rotary_base },
        norm_epsilon: SHAPE.norm_epsilon,
        ..Config::of_size(Size::Tiny, 8, 0, None, &[])
    };
    let mut model = Model::new(config, 5).unwrap();
    for (i, weight) in model.weights.iter_mut().enumerate() {
        *weight += 0.1 * (i as f32 * 0.7).sin();
    }
    model.refresh();
    model
}

/// The model's blocks as a stack.
fn stack(model: &Model) -> Stack {
    let (weights, width) = (&model.weights, SHAPE.width);
    let matrix = |values: &[f32], inner: usize| {
        let row = |r: usize, into: &mut [f32]| into.copy_from_slice(&values[r * inner..(r + 1) * inner]);
        WeightMatrix::full(values.len() / inner, inner, row).unwrap()
    };
    let block = |slots: &BlockSlots| BlockWeights {
        attention_norm: slots.attention_norm.of(weights).to_vec(),
        query_key_value: matrix(slots.query_key_value.of(weights), width),
        attention_out: matrix(slots.attention_out.of(weights), width),
        feed_forward_norm: slots.feed_forward_norm.of(weights).to_vec(),
        gate_up: matrix(slots.gate_up.of(weights), width),
        down: matrix(slots.down.of(weights), SHAPE.feed_forward),
    };
    let blocks = model.layout.blocks.iter().map(block).collect();
    Stack::new(SHAPE, blocks, model.layout.final_norm.of(weights).to_vec()).unwrap()
}

fn inputs(tokens: usize) -> Vec<f32> {
    (0..tokens * SHAPE.width).map(|i| (i as f32 * 0.37).sin()).collect()
}

/// What the patient model's decoder makes of the inputs.
fn by_decoder(model: &Model, x: &[f32]) -> Vec<f32> {
    let tokens = x.len() / SHAPE.width;
    let (code, age_days, value) = (vec![2; tokens], vec![1.0; tokens], vec![f32::NAN; tokens]);
    let sequence = Sequence {
        subject_id: 0,
        code: &code,
        age_days: &age_days,
        value: &value,
        static_len: 0,
        followup_end_age_days: 1.0,
        died: false,
        birth_known: false,
    };
    let mut pack = Pack::default();
    let window = Window::ending_at(&sequence, tokens - 1, SHAPE.context);
    pack.push(model.config(), &sequence, window, Targets::default());
    let mut decoder = Decoder::default();
    decoder.input(model.config(), tokens).copy_from_slice(x);
    decoder.forward(model.parameters_view(), &pack, Dropout::default());
    decoder.hidden(model.config(), tokens).to_vec()
}

fn agree(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 2e-5, "{found} for {expected}");
    }
}

#[test]
fn a_stack_is_the_models_decoder_however_the_tokens_come() {
    let model = model();
    let stack = stack(&model);
    let tokens = 83;
    let x = inputs(tokens);
    let expected = by_decoder(&model, &x);
    for parts in [vec![tokens], vec![70, 1, 12], vec![1; tokens]] {
        let mut past = Past::default();
        let mut found = Vec::new();
        let mut rest = &x[..];
        for part in parts {
            let (now, later) = rest.split_at(part * SHAPE.width);
            let mut now = now.to_vec();
            stack.read(&mut past, &mut now).unwrap();
            found.extend(now);
            rest = later;
        }
        assert_eq!(past.len(), tokens);
        agree(&found, &expected);
    }
}

#[test]
fn forgetting_begins_anew() {
    let model = model();
    let stack = stack(&model);
    let mut past = Past::default();
    let (mut first, mut second) = (inputs(9), inputs(9));
    stack.read(&mut past, &mut first).unwrap();
    past.clear();
    assert!(past.is_empty());
    stack.read(&mut past, &mut second).unwrap();
    assert_eq!(first, second);
}

#[test]
fn what_cannot_be_read_is_refused() {
    let stack = stack(&model());
    let mut past = Past::default();
    assert!(stack.read(&mut past, &mut []).is_err());
    assert!(stack.read(&mut past, &mut inputs(1)[..5]).is_err());
    assert!(stack.read(&mut past, &mut inputs(SHAPE.context + 1)).is_err());
    assert!(past.is_empty());
    stack.read(&mut past, &mut inputs(SHAPE.context)).unwrap();
    assert!(stack.read(&mut past, &mut inputs(1)).is_err());
}

#[test]
fn weights_of_another_shape_are_refused() {
    let Stack { mut blocks, final_norm, .. } = stack(&model());
    let refused = |shape, blocks: &[BlockWeights], norm: &[f32]| {
        Stack::new(shape, blocks.to_vec(), norm.to_vec()).unwrap_err().to_string()
    };
    assert!(refused(SHAPE, &blocks[1..], &final_norm).contains("2 blocks for 3"));
    assert!(refused(SHAPE, &blocks, &final_norm[1..]).contains("last norm"));
    assert!(refused(StackConfig { heads: 3, ..SHAPE }, &blocks, &final_norm).contains("multiple"));
    blocks[1].attention_out = blocks[1].down.clone();
    assert!(refused(SHAPE, &blocks, &final_norm).contains("block 1"));
}
