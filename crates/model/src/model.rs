//! The model: a configuration and its weights, on disk and in memory.

use crate::config::Config;
use crate::engine::{Batch, Engine};
use crate::error::{Error, Result};
use crate::files;
use crate::inference::{Inference, Keeper, Precision, Reader, ReducedWeights, Wanted, WeightPrecision};
use crate::layers::dropout::Dropout;
use crate::objective::{Losses, Workspace};
use crate::pack::Pack;
use crate::packed::{Parameters, Prepared};
use crate::panels::Products;
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
    pub(crate) keeper: Keeper,
    idle: Mutex<Vec<Workspace<f32>>>,
    idle_readers: Mutex<Vec<Reader>>,
    /// What computes hidden states and likelihoods, if it isn't this crate's own engine.
    engine: Option<Mutex<Box<dyn Engine>>>,
}

/// The head of a supervised task, taken from a model.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskHead {
    task: String,
    rows: [Vec<f32>; 3],
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("parameters", &self.weights.len()).finish_non_exhaustive()
    }
}

impl Clone for Model {
    fn clone(&self) -> Self {
        Self::assemble(self.config.clone(), self.layout.clone(), self.weights.clone())
            .answering_in(self.precision, self.prepared.products)
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
        let keeper = Keeper::new(&config, Precision::default().kept);
        Model {
            config,
            layout,
            weights,
            prepared,
            precision: Precision::default(),
            reduced: None,
            keeper,
            idle: Mutex::default(),
            idle_readers: Mutex::default(),
            engine: None,
        }
    }

    /// The same model, answering in this precision. What is trained on from it answers in `f32` again.
    ///
    /// # Errors
    /// [`Error::Options`] if this processor cannot do it.
    ///
    /// ```
    /// use model::{Config, Model, Precision, Size, WeightPrecision};
    ///
    /// let model = Model::new(Config::of_size(Size::Tiny, 4, 0, Some(1), &[3]), 42)?;
    /// let model = model.with_precision(Precision { weights: WeightPrecision::Int8, ..Precision::default() })?;
    /// # Ok::<(), model::Error>(())
    /// ```
    pub fn with_precision(self, precision: Precision) -> Result<Self> {
        let products = precision.weights.products()?;
        Ok(self.answering_in(precision, products))
    }

    fn answering_in(mut self, precision: Precision, products: Products) -> Self {
        (self.precision, self.prepared.products) = (precision, products);
        self.keeper = Keeper::new(&self.config, precision.kept);
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
        let mut file = files::Tensors::open(&path)?;
        let layout = Layout::new(&config);
        // The file must hold every weight, so a configuration that asks for more memory than the file has is
        // refused before that memory is taken.
        if file.data_len() / size_of::<f32>() < layout.len() {
            return Err(Error::malformed(&path, "smaller than its config.json demands"));
        }
        let mut weights = vec![0.0; layout.len()];
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

    /// The head of a supervised task, if it has one.
    pub fn task_head(&self, task: &str) -> Option<TaskHead> {
        let place = self.config.tasks.iter().position(|own| own == task)?;
        let rows = self.layout.task_heads().map(|slot| {
            let all = slot.of(&self.weights);
            let width = all.len() / self.config.tasks.len();
            all[place * width..(place + 1) * width].to_vec()
        });
        Some(TaskHead { task: task.to_owned(), rows })
    }

    /// The same model with more heads, of a model whose states were the same.
    ///
    /// # Errors
    /// [`Error::Configuration`] if names repeat, or a head is of another width.
    pub fn with_task_heads(&self, heads: &[TaskHead]) -> Result<Self> {
        let before = self.config.tasks.len();
        let names: Vec<String> =
            self.config.tasks.iter().chain(heads.iter().map(|head| &head.task)).cloned().collect();
        let mut model = self.with_tasks(&names)?;
        for (place, head) in (before..).zip(heads) {
            for (slot, row) in model.layout.task_heads().into_iter().zip(&head.rows) {
                let all = slot.of_mut(&mut model.weights);
                let width = all.len() / names.len();
                if row.len() != width {
                    return Err(Error::Configuration("a task's head is of a model of another width".into()));
                }
                all[place * width..(place + 1) * width].copy_from_slice(row);
            }
        }
        model.refresh();
        Ok(model)
    }

    /// Makes the model ready for gradients, or, without `training`, for answers alone; products are worked out in `products`.
    pub(crate) fn prepare(&mut self, training: bool, products: Products) {
        (self.prepared.training, self.prepared.products) = (training, products);
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
        self.reduced = ReducedWeights::new((self.precision.weights, self.prepared.products), shape, whole);
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
                let (pack, hidden) = reader.hidden(self.inference(), &self.keeper, wanted, threads);
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
                reader.losses(self.inference(), &self.keeper)
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
