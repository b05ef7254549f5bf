mod decoder;
mod metadata;
mod real;
mod reference;
