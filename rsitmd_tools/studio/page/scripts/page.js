// Placeholder: replaced by the scripts of the annotation page.
window.rsitmdScripts = true;
