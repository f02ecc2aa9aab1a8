//! The model: a configuration and its weights, on disk and in memory.

use crate::config::{Config, HORIZONS};
use crate::data::TrainingData;
use crate::engine::{Batch, Engine};
use crate::error::{Error, Result};
use crate::files;
use crate::heads::waiting_time;
use crate::inference::{Inference, Precision, Reader, ReducedWeights, Wanted, WeightPrecision};
use crate::layers::dropout::Dropout;
use crate::objective::{Losses, Workspace};
use crate::pack::{Pack, check_sequence};
use crate::packed::{Parameters, Prepared};
use crate::weights::Layout;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

const CONFIG_FILE: &str = "config.json";
const WEIGHTS_FILE: &str = "model.safetensors";

/// A trained or fresh model, ready to answer. It is cheap to share: every method that answers takes `&self`.
pub struct Model {
    pub(crate) config: Config,
    pub(crate) layout: Layout,
    pub(crate) weights: Vec<f32>,
    pub(crate) prepared: Prepared<f32>,
    precision: Precision,
    reduced: Option<ReducedWeights>,
    idle: Mutex<Vec<Workspace<f32>>>,
    idle_readers: Mutex<Vec<Reader>>,
    /// What computes hidden states and likelihoods, if it isn't this crate's own engine.
    engine: Option<Mutex<Box<dyn Engine>>>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("parameters", &self.weights.len()).finish_non_exhaustive()
    }
}

impl Clone for Model {
    fn clone(&self) -> Self {
        Self::assemble(self.config.clone(), self.layout.clone(), self.weights.clone())
            .with_precision(self.precision)
    }
}

impl Model {
    /// A fresh model with random weights.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the configuration is not valid.
    pub fn new(config: Config, seed: u64) -> Result<Self> {
        config.validate()?;
        let layout = Layout::new(&config);
        let weights = layout.initialise(seed);
        Ok(Self::assemble(config, layout, weights))
    }

    pub(crate) fn assemble(config: Config, layout: Layout, weights: Vec<f32>) -> Self {
        let prepared = Prepared::new((&config, &layout), &weights, false);
        Model {
            config,
            layout,
            weights,
            prepared,
            precision: Precision::default(),
            reduced: None,
            idle: Mutex::default(),
            idle_readers: Mutex::default(),
            engine: None,
        }
    }

    /// The same model, answering in this precision. Training goes back to `f32`.
    ///
    /// ```
    /// use model::{Config, Model, Precision, Size, WeightPrecision};
    ///
    /// let model = Model::new(Config::of_size(Size::Tiny, 4, 0, Some(1), &[3]), 42)?;
    /// let model = model.with_precision(Precision { weights: WeightPrecision::Int8, ..Precision::default() });
    /// # Ok::<(), model::Error>(())
    /// ```
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self.idle_readers = Mutex::default();
        self.refresh();
        self
    }

    /// The precision in which it answers.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The model's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Number of weights.
    pub fn parameters(&self) -> usize {
        self.weights.len()
    }

    /// Each weight's name and shape, in file order.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.layout.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice()))
    }

    /// All weights in one arena, in the order of [`Model::tensors`].
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Writes `config.json` and `model.safetensors` into an existing directory, each atomically.
    ///
    /// # Errors
    /// [`Error::File`] if the system refuses.
    pub fn save(&self, directory: &Path) -> Result<()> {
        let config =
            serde_json::to_vec_pretty(&self.config).map_err(|e| Error::Configuration(e.to_string()))?;
        files::write_atomically(&directory.join(CONFIG_FILE), &config)?;
        let tensors =
            self.layout.tensors.iter().map(|t| (t.name.clone(), t.shape.clone(), t.slot.of(&self.weights)));
        files::write_tensors(&directory.join(WEIGHTS_FILE), tensors, None)
    }

    /// Reads what [`Model::save`] wrote. Names, shapes and finiteness of every weight are checked.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Malformed`] or [`Error::Configuration`].
    pub fn load(directory: &Path) -> Result<Self> {
        let path = directory.join(CONFIG_FILE);
        let bytes = std::fs::read(&path).map_err(|e| Error::file(&path, e))?;
        let config: Config = serde_json::from_slice(&bytes).map_err(|e| {
            Error::malformed(
                &path,
                format!("not a model configuration (line {}, column {})", e.line(), e.column()),
            )
        })?;
        config.validate()?;
        let path = directory.join(WEIGHTS_FILE);
        let bytes = std::fs::read(&path).map_err(|e| Error::file(&path, e))?;
        let layout = Layout::new(&config);
        // The file must hold every weight, so a configuration that asks for more memory than the file has is
        // refused before that memory is taken.
        if bytes.len() / size_of::<f32>() < layout.len() {
            return Err(Error::malformed(&path, "smaller than its config.json demands"));
        }
        let mut weights = vec![0.0; layout.len()];
        let file = files::Tensors::parse(&path, &bytes)?;
        file.check_names(layout.tensors.iter().map(|t| t.name.as_str()))?;
        for tensor in &layout.tensors {
            file.read(&tensor.name, &tensor.shape, tensor.slot.of_mut(&mut weights))?;
        }
        Ok(Self::assemble(config, layout, weights))
    }

    /// The same weights with task heads for exactly these tasks; heads of tasks it already has are kept, new
    /// ones start at zero. For fine-tuning.
    ///
    /// # Errors
    /// [`Error::Configuration`] if names repeat.
    pub fn with_tasks(&self, tasks: &[String]) -> Result<Self> {
        let config = Config { tasks: tasks.to_vec(), ..self.config.clone() };
        let mut model = Model::new(config, 0)?;
        for tensor in &model.layout.tensors {
            let Some(own) = self.layout.tensors.iter().find(|t| t.name == tensor.name) else { continue };
            let (from, to) = (own.slot.of(&self.weights), tensor.slot.of_mut(&mut model.weights));
            if !tensor.name.starts_with("task.") {
                to.copy_from_slice(from);
                continue;
            }
            let width = to.len() / tasks.len();
            for (i, task) in tasks.iter().enumerate() {
                if let Some(j) = self.config.tasks.iter().position(|t| t == task) {
                    to[i * width..(i + 1) * width].copy_from_slice(&from[j * width..(j + 1) * width]);
                }
            }
        }
        model.refresh();
        Ok(model)
    }

    /// Sets the biases of the heads to the training data's marginals (code frequencies, waiting-time hazards,
    /// incidence rates, base rates of the tasks), so that training starts from the best constant prediction.
    pub fn set_marginals(&mut self, data: &dyn TrainingData) {
        let config = &self.config;
        let mut codes = vec![0.5_f64; config.vocabulary_size];
        let edges = &config.waiting_time_edges_days;
        let mut waits = vec![(0.5_f64, 1e-3_f64); config.waiting_time_intervals()];
        let mut occurrences = vec![0.5_f64; config.risk.codes.len()];
        let mut person_days = 1.0_f64;
        let mut labels = vec![(0.5_f64, 1.0_f64); config.tasks.len()];
        for index in 0..data.len() {
            let sequence = data.sequence(index);
            if check_sequence(config, &sequence).is_err() {
                continue; // Training refuses it by name.
            }
            let wait = |waits: &mut Vec<(f64, f64)>, days: f64| {
                for (j, (_, exposure)) in waits.iter_mut().enumerate() {
                    *exposure += waiting_time::time_in(edges, j, days);
                }
            };
            for place in sequence.static_len..sequence.len() {
                let code = sequence.code[place];
                codes[code as usize] += 1.0;
                if code == config.time_code && sequence.value[place] > 0.0 {
                    let days = f64::from(sequence.value[place]);
                    wait(&mut waits, days);
                    if sequence.code.get(place + 1).is_some_and(|next| *next != config.time_code) {
                        waits[waiting_time::interval_of(edges, days)].0 += 1.0;
                    }
                } else if let Some(index) = config.risk_index(code) {
                    occurrences[index] += 1.0;
                }
            }
            if let (Some(first), Some(last)) = (sequence.age_days.first(), sequence.age_days.last()) {
                person_days += (sequence.followup_end_age_days - first).max(0.0);
                wait(&mut waits, (sequence.followup_end_age_days - last).max(0.0));
            }
            for label in data.labels(index) {
                if let Some((positives, n)) = labels.get_mut(label.task) {
                    *positives += f64::from(u8::from(label.value));
                    *n += 1.0;
                }
            }
        }
        let total: f64 = codes.iter().sum();
        let layout = &self.layout;
        let weights = &mut self.weights;
        for (bias, count) in layout.head_bias.of_mut(weights).iter_mut().zip(&codes) {
            *bias = (count / total).ln() as f32;
        }
        for (bias, (events, exposure)) in layout.waiting_bias.of_mut(weights).iter_mut().zip(&waits) {
            *bias = (events / exposure).ln() as f32;
        }
        for k in 0..HORIZONS {
            let codes = occurrences.len();
            let bias = &mut layout.risk_bias.of_mut(weights)[k * codes..(k + 1) * codes];
            for (bias, count) in bias.iter_mut().zip(&occurrences) {
                *bias = (count / person_days).ln() as f32;
            }
        }
        for (bias, (positives, n)) in layout.task_bias.of_mut(weights).iter_mut().zip(&labels) {
            *bias = (positives / (n - positives)).ln() as f32;
        }
    }

    /// Makes the model ready for gradients, or, without `training`, for answers alone.
    pub(crate) fn prepare(&mut self, training: bool) {
        self.prepared.training = training;
        if training {
            self.precision.weights = WeightPrecision::F32;
        }
        self.refresh();
    }

    /// To be called whenever the weights have changed.
    pub(crate) fn refresh(&mut self) {
        let shape = (&self.config, &self.layout);
        self.prepared.update(shape, &self.weights);
        let whole = (self.weights.as_slice(), &self.prepared.tables);
        self.reduced = ReducedWeights::new(self.precision.weights, shape, whole);
    }

    pub(crate) fn inference(&self) -> Inference<'_> {
        Inference { parameters: self.parameters_view(), reduced: self.reduced.as_ref() }
    }

    pub(crate) fn parameters_view(&self) -> Parameters<'_, f32> {
        self.prepared.with((&self.config, &self.layout), &self.weights)
    }

    /// The same model, with hidden states and likelihoods computed by `engine` from now on, in its precision; heads read
    /// them here. A clone, or a model made from this one, computes here again.
    ///
    /// # Errors
    /// [`Error::Engine`] if the engine refuses the weights.
    pub fn on(mut self, mut engine: Box<dyn Engine>) -> Result<Self> {
        engine.load(&self.weights)?;
        self.engine = Some(Mutex::new(engine));
        Ok(self)
    }

    /// The wanted final hidden states of a pack, worked out by so many threads and read by `read`.
    pub(crate) fn with_hidden<R>(
        &self,
        (wanted, threads): (Wanted, usize),
        fill: impl FnOnce(&mut Pack),
        read: impl FnOnce(&Pack, &[f32]) -> R,
    ) -> Result<R> {
        let Some(engine) = &self.engine else {
            return Ok(self.with_reader(|reader| {
                reader.pack.clear();
                fill(&mut reader.pack);
                let (pack, hidden) = reader.hidden(self.inference(), self.precision.kept, wanted, threads);
                read(pack, hidden)
            }));
        };
        let mut pack = Pack::default();
        fill(&mut pack);
        let mut hidden = lock(engine).hidden(&Batch::new(&self.config, &pack, Dropout::default()))?;
        if matches!(wanted, Wanted::Last) {
            let width = self.config.width;
            let last = |rows: &std::ops::Range<usize>| &hidden[(rows.end - 1) * width..rows.end * width];
            hidden = pack.segments.iter().flat_map(last).copied().collect();
        }
        Ok(read(&pack, &hidden))
    }

    /// The losses of a pack.
    pub(crate) fn losses_of(&self, fill: impl FnOnce(&mut Pack)) -> Result<Losses> {
        let Some(engine) = &self.engine else {
            return Ok(self.with_reader(|reader| {
                reader.pack.clear();
                fill(&mut reader.pack);
                reader.losses(self.inference(), self.precision.kept)
            }));
        };
        let mut pack = Pack::default();
        fill(&mut pack);
        let parts = lock(engine).losses(&Batch::new(&self.config, &pack, Dropout::default()))?;
        Ok(parts.counted(Losses::counts(&self.config, &pack)))
    }

    /// Lends the memory of a forward pass that earlier calls have warmed.
    pub(crate) fn with_reader<R>(&self, work: impl FnOnce(&mut Reader) -> R) -> R {
        let mut reader = lock(&self.idle_readers).pop().unwrap_or_default();
        let result = work(&mut reader);
        lock(&self.idle_readers).push(reader);
        result
    }

    /// Lends a workspace that earlier calls have warmed.
    pub(crate) fn with_workspace<R>(&self, work: impl FnOnce(&mut Workspace<f32>) -> R) -> R {
        let mut workspace = lock(&self.idle).pop().unwrap_or_default();
        let result = work(&mut workspace);
        lock(&self.idle).push(workspace);
        result
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
