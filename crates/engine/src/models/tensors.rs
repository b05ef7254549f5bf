//! Takes a model's weights from its file, with their shapes checked.

use std::collections::HashSet;

use crate::{
    compute::Prepare,
    error::LoadError,
    weights::{Stored, StoredType},
};

/// A file of named tensors.
pub(crate) trait Tensors {
    /// The tensor of this name, none if there is none.
    fn tensor(&self, name: &str) -> Result<Option<Stored<'_>>, LoadError>;

    /// Names of all tensors.
    fn names(&self) -> Vec<&str>;

    /// An error that names the file.
    fn refused(&self, reason: String) -> LoadError;
}

/// Prepares tensors for a device and remembers which ones it took.
pub(crate) struct TensorLoader<'a, C, T> {
    compute: &'a C,
    tensors: &'a T,
    taken: HashSet<String>,
    sizes: TypeSizes,
}

/// How many numbers are stored in which type.
#[derive(Default)]
pub(crate) struct TypeSizes(Vec<(StoredType, usize)>);

impl<'a, C: Prepare, T: Tensors> TensorLoader<'a, C, T> {
    pub(crate) fn new(compute: &'a C, tensors: &'a T) -> Self {
        Self { compute, tensors, taken: HashSet::new(), sizes: TypeSizes::default() }
    }

    /// The matrix `name`, which must have this shape.
    pub(crate) fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<C::Matrix, LoadError> {
        self.optional_matrix(name, rows, columns)?.ok_or_else(|| self.missing(name))
    }

    /// The matrix `name`, if there is one; it must have this shape.
    pub(crate) fn optional_matrix(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Option<C::Matrix>, LoadError> {
        let Some(stored) = self.take(name)? else { return Ok(None) };
        self.check_shape(&stored, rows, columns)?;
        self.prepare(stored).map(Some)
    }

    /// The matrix `name` of this many columns and at most `most_rows` rows, and how many it has.
    pub(crate) fn table(
        &mut self,
        name: &str,
        most_rows: usize,
        columns: usize,
    ) -> Result<(C::Matrix, usize), LoadError> {
        let stored = self.take(name)?.ok_or_else(|| self.missing(name))?;
        let rows = stored.rows;
        if rows == 0 || rows > most_rows {
            return Err(self.tensors.refused(format!("{name} has {rows} rows; 1 to {most_rows} are supported")));
        }
        self.check_shape(&stored, rows, columns)?;
        Ok((self.prepare(stored)?, rows))
    }

    /// The vector `name`, which must have this length.
    pub(crate) fn vector(&mut self, name: &str, length: usize) -> Result<C::Vector, LoadError> {
        self.optional_vector(name, length)?.ok_or_else(|| self.missing(name))
    }

    /// The vector `name`, if there is one; it must have this length.
    pub(crate) fn optional_vector(&mut self, name: &str, length: usize) -> Result<Option<C::Vector>, LoadError> {
        let Some(stored) = self.take(name)? else { return Ok(None) };
        self.check_shape(&stored, 1, length)?;
        self.compute.vector(stored).map(Some)
    }

    /// The numbers of the vector `name`, if there is one; it must be stored as `f32` and have this length.
    pub(crate) fn optional_numbers(&mut self, name: &str, length: usize) -> Result<Option<Vec<f32>>, LoadError> {
        let Some(stored) = self.take(name)? else { return Ok(None) };
        self.check_shape(&stored, 1, length)?;
        if stored.dtype != StoredType::F32 {
            return Err(self.tensors.refused(format!("{name} is stored as {} instead of f32", stored.dtype.name())));
        }
        let numbers = stored.bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        Ok(Some(numbers.collect()))
    }

    /// Refuses a file with tensors that nobody took: the model would be computed without them, so wrongly. Returns in
    /// which types its matrices are stored.
    pub(crate) fn finish(self) -> Result<TypeSizes, LoadError> {
        match self.tensors.names().into_iter().find(|name| !self.taken.contains(*name)) {
            Some(name) => Err(self.tensors.refused(format!(
                "tensor {name} is not part of this architecture as it is supported; without it answers would be wrong"
            ))),
            None => Ok(self.sizes),
        }
    }

    /// In which types the matrices that were taken are stored. For files that may hold more than the model needs.
    pub(crate) fn types(self) -> TypeSizes {
        self.sizes
    }

    fn take(&mut self, name: &str) -> Result<Option<Stored<'a>>, LoadError> {
        let stored = self.tensors.tensor(name)?;
        if stored.is_some() {
            self.taken.insert(name.to_owned());
        }
        Ok(stored)
    }

    fn prepare(&mut self, stored: Stored<'_>) -> Result<C::Matrix, LoadError> {
        self.sizes.add(stored.dtype, stored.rows.saturating_mul(stored.columns));
        self.compute.matrix(stored)
    }

    fn check_shape(&self, stored: &Stored<'_>, rows: usize, columns: usize) -> Result<(), LoadError> {
        let Stored { name, rows: found_rows, columns: found_columns, .. } = *stored;
        if (found_rows, found_columns) == (rows, columns) {
            return Ok(());
        }
        Err(self.tensors.refused(format!("{name} is {found_rows} x {found_columns} instead of {rows} x {columns}")))
    }

    fn missing(&self, name: &str) -> LoadError {
        self.tensors.refused(format!("tensor {name} is missing"))
    }
}

impl TypeSizes {
    fn add(&mut self, dtype: StoredType, numbers: usize) {
        match self.0.iter_mut().find(|(known, _)| *known == dtype) {
            Some((_, total)) => *total = total.saturating_add(numbers),
            None => self.0.push((dtype, numbers)),
        }
    }

    /// The type that most numbers are stored in.
    pub(crate) fn main(&self) -> StoredType {
        self.0.iter().max_by_key(|(_, total)| *total).map_or(StoredType::F32, |(dtype, _)| *dtype)
    }
}
