import '../../nbflow/static/view.css';
import './base.css';
