import { LabIcon } from '@jupyterlab/ui-components';

/** Three steps, two of which take what the first makes. */
export const icon = new LabIcon({
  name: 'nbflow:pipeline',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">' +
    '<g class="jp-icon3 jp-icon-selectable" fill="#616161">' +
    '<rect x="5" y="1" width="6" height="4" rx="1"/><rect x="1" y="11" width="6" height="4" rx="1"/>' +
    '<rect x="9" y="11" width="6" height="4" rx="1"/>' +
    '<path d="M7.5 5h1v2.5h4V11h-1V8.5h-7V11h-1V7.5h4Z"/></g></svg>'
});
