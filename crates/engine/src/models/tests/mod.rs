mod chat_file;
mod decoder;
mod metadata;
mod real;
mod reference;
