//! Our own types as subxt encodes them by the runtime's metadata.

use codec::Encode;
use scale_info::{meta_type, PortableRegistry, Registry, TypeInfo};
use subxt::{dynamic::Value, ext::scale_value};

/// `item` with the names of its fields and variants. So it is encoded only where the runtime's type has the same ones,
/// whatever has changed about it.
pub(crate) fn value_of<T: Encode + TypeInfo + 'static>(item: &T) -> Value {
    let mut registry = Registry::new();
    let id = registry.register_type(&meta_type::<T>()).id;
    let types = PortableRegistry::from(registry);
    let decoded = scale_value::scale::decode_as_type(&mut item.encode().as_slice(), id, &types);
    // What is encoded and described by one and the same type can be read. Were it not so, nothing would be found in it.
    decoded.map_or_else(|_| Value::unnamed_composite([]), Value::remove_context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Encode, TypeInfo)]
    struct Inner([u8; 2]);

    #[derive(Encode, TypeInfo)]
    enum Item {
        Pair { first: Option<u32>, second: Vec<Inner> },
    }

    #[test]
    fn fields_and_variants_keep_their_names() {
        let item = Item::Pair { first: Some(7), second: vec![Inner([1, 2])] };
        let bytes = Value::unnamed_composite([Value::u128(1), Value::u128(2)]);
        let inner = Value::unnamed_composite([bytes]);
        let expected = Value::named_variant(
            "Pair",
            [
                ("first", Value::unnamed_variant("Some", [Value::u128(7)])),
                ("second", Value::unnamed_composite([inner])),
            ],
        );
        assert_eq!(value_of(&item), expected);
        // A box is nothing of its own.
        assert_eq!(value_of(&Box::new(item)), expected);
    }
}
