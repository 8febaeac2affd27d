//! Reads elements and attributes.

use roxmltree::Node;

use crate::Refusal;

/// The namespace of references to other documents.
const XLINK: &str = "http://www.w3.org/1999/xlink";

/// Returns the child elements with this name, in any namespace: old manifests have others than new ones.
pub(crate) fn children<'a, 'i>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> + use<'a, 'i> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// Returns the first child element with this name.
pub(crate) fn child<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> Option<Node<'a, 'i>> {
    children(node, name).next()
}

/// Returns an attribute without white space around it, or `None` if it is missing.
pub(crate) fn text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attribute(name).map(str::trim)
}

/// Returns a decimal attribute.
///
/// # Errors
/// [`Refusal::Attribute`] if it is not a number, [`Refusal::Overflow`] if it exceeds 64 bits.
pub(crate) fn number(node: Node<'_, '_>, name: &'static str) -> Result<Option<u64>, Refusal> {
    let Some(digits) = text(node, name) else { return Ok(None) };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::Attribute(name));
    }
    digits.parse().map(Some).map_err(|_| Refusal::Overflow)
}

/// Returns a byte range, `first-last`, as offset and length.
///
/// # Errors
/// [`Refusal::Attribute`] if it is malformed, ends before it begins, or exceeds 64 bits.
pub(crate) fn range(node: Node<'_, '_>, name: &'static str) -> Result<Option<(u64, u64)>, Refusal> {
    let Some(range) = text(node, name) else { return Ok(None) };
    let wrong = Refusal::Attribute(name);
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse::<u64>().ok()).flatten()
    };
    let bounds = range.split_once('-').and_then(|(first, last)| Some((number(first)?, number(last)?)));
    let Some((first, last)) = bounds else { return Err(wrong) };
    let end = last.checked_add(1).filter(|end| *end > first).ok_or(wrong)?;
    Ok(Some((first, end - first)))
}

/// Returns whether an element refers to another document.
pub(crate) fn has_xlink(node: Node<'_, '_>) -> bool {
    node.attribute((XLINK, "href")).is_some()
}
